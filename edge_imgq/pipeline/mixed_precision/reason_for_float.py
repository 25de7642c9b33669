"""Say why float files are to be shipped, where no mixed-precision files were kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from edge_imgq.pipeline.mixed_precision.diagnosis import Causes
from edge_imgq.pipeline.mixed_precision.mixed_times import float_recipe
from edge_imgq.recipe.export import ExportRecipe
from edge_imgq.report.diagnosis import FileTimes
from edge_imgq.report.diagnosis_text import slow_file
from edge_imgq.skipped import Skipped
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from edge_imgq.quantize.mixed_precision.precision_search import Choice


def reason_for_float(
    recipes: Sequence[ExportRecipe],
    loss: Causes,
    choice: Choice,
    failure: str,
    measured: Sequence[FileTimes],
) -> Skipped:
    """Return the reason to ship float files instead of mixed ones, with the figures.

    It states what ended the search: the files' measured times; what the graph or the files of the
    last choice failed; or, if they were not made, the predicted PSNR and the estimated times.

    Args:
        recipes: recipes of the int8 files.
        loss: causes of their loss.
        choice: float layers of the last choice.
        failure: what its graph or its files failed (`graph_failure`, `file_failures`); empty if
            they were not made or failed nothing.
        measured: times of the mixed files on this host; empty if not measured.
    """
    names = {recipe.name for recipe in map(float_recipe, recipes) if recipe is not None}
    ship = f"ship {', '.join(sorted(names)) or 'a float file'}"
    layers = count_of(len(choice.names), "layer")
    if failure and not measured:
        return Skipped(f"{ship}: with {layers} in float {failure}")
    in_float = loss.time_in_float
    times = in_float.reason if isinstance(in_float, Skipped) else f"{in_float:.2f} times"
    reason = (
        f"{ship}: with {layers} in float the graph comes to about {choice.psnr:.1f} dB against the "
        f"float model on calibration patches, where the budget of {_budget(recipes)} takes "
        f"{loss.wanted:.1f} dB there, "
    )
    if measured:
        return Skipped(reason + "; ".join(map(slow_file, measured)))
    return Skipped(
        f"{reason}at an estimated {choice.time:.2f} times the time of int8 on {loss.processor}; "
        f"all in float, {times}"
    )


def graph_failure(psnr: float, aim: float) -> str:
    """Return the clause that a graph is too far from the float model to make files of it.

    Args:
        psnr: its PSNR in dB to the float model on all held-out patches.
        aim: PSNR in dB at which the files are expected to meet their budgets.
    """
    return (
        f"the graph comes to {psnr:.2f} dB against the float model on all held-out calibration "
        f"patches, where the budget takes {aim:.2f}"
    )


def file_failures(sentences: Iterable[str]) -> str:
    """Join sentences of the form "TARGET: what it fails" to one clause; "" if there are none."""
    return "; ".join(sentence.removesuffix(".").replace(": ", " ", 1) for sentence in sentences)


def _budget(recipes: Sequence[ExportRecipe]) -> str:
    """Describe the strictest limits of the budgets of some targets."""
    budgets = [recipe.budget for recipe in recipes]
    mean, worst = min(b.psnr_drop for b in budgets), min(b.psnr_drop_worst for b in budgets)
    fidelity = max(budget.psnr_vs_reference for budget in budgets)
    return f"{fidelity:g} dB to the float model and a drop of {mean:g}/{worst:g} dB (mean/worst)"
