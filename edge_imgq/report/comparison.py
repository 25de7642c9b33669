"""Comparison of values with a baseline: changes for better or worse beyond the tolerances."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.report.baseline import Figure, Figures, Tolerances
from edge_imgq.report.quality_text import levels
from edge_imgq.report.report import TargetReport
from edge_imgq.skipped import Skipped

INVISIBLE = 60.0
"""PSNR in dB against the float model above which changes do not count.

The RMS error there is a quarter of a level, and another processor's rounding moves such values by
decibels."""

ON_TOLERANCE = 1e-9
"""Allowance beyond a tolerance for floating-point rounding."""


@dataclass(frozen=True)
class ComparedFigure:
    """How a value is compared with its baseline.

    Attributes:
        figure: Field of `Figures`.
        words: Name in messages.
        unit: "dB", "levels", "values" (a share of all values), "share" (of the old value) or "".
        tolerance: Field of `Tolerances`.
        less_is_worse: Whether a fall is worse; else a rise is.
    """

    figure: str
    words: str
    unit: str
    tolerance: str
    less_is_worse: bool = False


COMPARED_FIGURES = (
    ComparedFigure("float_psnr", "the float model's PSNR against the truth", "dB", "psnr", True),
    ComparedFigure("psnr", "the file's PSNR against the truth", "dB", "psnr", True),
    ComparedFigure("drop_mean", "drop_mean", "dB", "drop_mean"),
    ComparedFigure("drop_worst", "drop_worst", "dB", "drop_worst"),
    ComparedFigure("vs_reference_mean", "vs_reference_mean", "dB", "vs_reference_mean", True),
    ComparedFigure("vs_reference_worst", "vs_reference_worst", "dB", "vs_reference_worst", True),
    ComparedFigure("mean_error", "the mean error", "levels", "mean_error"),
    ComparedFigure("mean_error_dark", "the mean error in flat dark areas", "levels", "mean_error"),
    ComparedFigure(
        "mean_error_bright", "the mean error in flat bright areas", "levels", "mean_error"
    ),
    ComparedFigure(
        "conversion_within_1", "conversion_within_1", "values", "conversion_within_1", True
    ),
    ComparedFigure("bytes", "bytes", "share", "bytes"),
    ComparedFigure("activation_bytes", "activation_bytes", "share", "activation_bytes"),
    ComparedFigure("operators", "operators", "share", "operators"),
    ComparedFigure("partitions", "partitions", "", "partitions"),
)
"""All compared values, in the order in which reasons are given."""


def changes_beyond_tolerance(
    before: Figures, now: Figures, target: TargetReport, tolerances: Tolerances
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return sentences on values that became worse, and on those that became better.

    Only changes beyond the tolerance count. PSNR against the float model above 60 dB count as
    equal. A value that is no longer measured is worse; one that the baseline lacks is not compared.
    If the file lacks an input size of the baseline's, that is the only sentence, since the values
    of different sizes cannot be compared.

    Args:
        before: Values of the baseline.
        now: Current values.
        target: Report on the target, for the reasons of values that were not measured.
        tolerances: How much worse each value may become.
    """
    if lacks_sizes(before, now):
        return (other_sizes(before, now),), ()
    worse, better = dict[str, str](), list[str]()
    for compared in COMPARED_FIGURES:
        old, new = getattr(before, compared.figure), getattr(now, compared.figure)
        allowed = getattr(tolerances, compared.tolerance)
        if old is None or (
            compared.figure == "activation_bytes" and _counted_elsewhere(before, now)
        ):
            continue
        if new is None:
            worse[compared.figure] = f"{compared.words} was not measured{_why(compared, target)}"
            continue
        loss = _loss(compared, old, new)
        if loss > allowed + ON_TOLERANCE:
            worse[compared.figure] = f"{compared.words} went {_way(compared, old, new, allowed)}"
        elif -loss > allowed + ON_TOLERANCE:
            better.append(f"{compared.words} went {_way(compared, old, new, allowed)}")
    lost, gained = _others_moved(before, now, tolerances.vs_reference_mean)
    worse, better = worse | lost, better + gained
    if "float_psnr" in worse:
        worse.pop("psnr", None)  # the file is worse because the network is
        worse["float_psnr"] = f"the network got worse: {worse['float_psnr']}{_beside(now)}"
    return tuple(worse.values()), tuple(better)


def _others_moved(
    before: Figures, now: Figures, allowed: float
) -> tuple[dict[str, str], list[str]]:
    """Return the same for the further outputs; those that became worse by "other PORT"."""
    worse, better = dict[str, str](), list[str]()
    for port, old in before.others.items():
        compared = ComparedFigure(
            "vs_reference_mean", f"'{port}' against the float model", "dB", "", True
        )
        new = now.others.get(port)
        if new is None:
            worse[f"other {port}"] = f"'{port}' is not returned any more"
            continue
        words = f"{compared.words} went {_way(compared, old, new, allowed)}"
        loss = _loss(compared, old, new)
        if loss > allowed + ON_TOLERANCE:
            worse[f"other {port}"] = words
        elif -loss > allowed + ON_TOLERANCE:
            better.append(words)
    return worse, better


def lacks_sizes(before: Figures, now: Figures) -> bool:
    """Return True if a file no longer takes an input size that the baseline's took.

    A file that takes any size lacks none; False if the baseline's sizes or the file's are unknown.
    """
    if before.sizes is None or not now.sizes:  # unknown, or any size
        return False
    return not before.sizes or not set(before.sizes) <= set(now.sizes)


def other_sizes(before: Figures, now: Figures) -> str:
    """Return a clause on changed input sizes; "" if they are equal or unknown.

    Such as "the input's size is 90x160, the baseline's 180x320".
    """
    if before.sizes is None or now.sizes is None or set(before.sizes) == set(now.sizes):
        return ""
    several = "s are" if len(now.sizes) > 1 else " is"
    return f"the input's size{several} {_listed(now.sizes)}, the baseline's {_listed(before.sizes)}"


def _listed(sizes: tuple[str, ...]) -> str:
    *others, last = sizes or ("any",)
    return f"{', '.join(others)} and {last}" if others else last


def _counted_elsewhere(before: Figures, now: Figures) -> bool:
    """Return True if both activation sizes are known and differ."""
    sizes = {before.activation_size, now.activation_size} - {None}
    return len(sizes) > 1


def _beside(now: Figures) -> str:
    """Return a clause if the float model has lower PSNR than its input, else ""."""
    if now.float_psnr is None or now.input_psnr is None or now.float_psnr >= now.input_psnr:
        return ""
    return f"; the input alone has {now.input_psnr:.2f} dB, so it is worse than no network"


def _why(compared: ComparedFigure, target: TargetReport) -> str:
    """Return the reason why a value was not measured, if the report has one, else ""."""
    reasons = {
        "drop": target.drop, "psnr": target.drop, "float_psnr": target.drop,
        "mean_error_dark": target.mean_error.dark, "mean_error_bright": target.mean_error.bright,
        "activation_bytes": target.memory, "operators": target.placement,
        "partitions": target.placement,
    }  # fmt: skip
    reason = reasons.get(compared.figure, reasons.get(compared.figure.split("_")[0]))
    return f": {reason.reason}" if isinstance(reason, Skipped) else ""


def _loss(compared: ComparedFigure, old: Figure, new: Figure) -> float:
    """Return how much worse a value became, in the unit of its tolerance; negative if better."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        if len(old) != len(new):
            return float("inf")
        growths = [abs(after) - abs(before) for before, after in zip(old, new, strict=True)]
        return max(growths) if max(growths) > 0 else min(growths)
    assert isinstance(old, (int, float))
    assert isinstance(new, (int, float))
    if compared.figure.startswith("vs_reference"):
        return min(old, INVISIBLE) - min(new, INVISIBLE)
    if compared.unit == "share":
        return new / old - 1 if old else float(new > 0)
    return old - new if compared.less_is_worse else new - old


def _way(compared: ComparedFigure, old: Figure, new: Figure, allowed: float) -> str:
    """Return the old and new value and the tolerance, with units, as text."""
    if compared.unit == "levels":
        assert isinstance(old, tuple)
        assert isinstance(new, tuple)
        return f"from {levels(old)} to {levels(new)} levels (tolerance {allowed:g})"
    assert isinstance(old, (int, float))
    assert isinstance(new, (int, float))
    if compared.unit == "share":
        grown = (new / old - 1) * 100 if old else 100.0
        way = f"{abs(grown):.3g} % {'more' if grown > 0 else 'less'}"
        return f"from {old} to {new}, {way} (tolerance {allowed * 100:g} %)"
    if compared.unit == "values":
        return f"from {old:.4f} to {new:.4f} of all values (tolerance {allowed:g} of them)"
    if compared.unit == "dB":
        return f"from {old:.4g} to {new:.4g} dB (tolerance {allowed:g} dB)"
    return f"from {old} to {new} (tolerance {allowed:g})"
