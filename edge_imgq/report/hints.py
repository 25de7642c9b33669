"""Suggestions below the verdict of a report."""

from __future__ import annotations

from edge_imgq.report.report import Report, SchemeReport
from edge_imgq.skipped import Skipped

QUICK = "int8-fast"
"""Quantization scheme that rounds weights to nearest."""

SLOWER = ("int8", "int8-auto", "int8-thorough")
"""Schemes of which QUICK is the same without the optional steps; a user's own may be another."""

HARDLY = 0.3
"""Total gain in dB of the optional steps below which the quicker scheme is suggested."""


def hints(report: Report) -> tuple[str, ...]:
    """Return suggestions in sentences: on calibration images, then on quantization schemes.

    If the pixel range seems wrong, no scheme is suggested, since none would help; the warning
    itself is not among them. () if there are none.
    """
    over = any(
        target.breaches and not isinstance(target.quantization, Skipped)
        for target in report.targets
    )
    tried = () if report.range_warning else report.schemes
    schemes = (_scheme_hint(scheme, over) for scheme in tried)
    return (*report.advice, *(hint for hint in schemes if hint))


def _scheme_hint(scheme: SchemeReport, over: bool) -> str:
    """Return a sentence that suggests another scheme, or ""."""
    if scheme.scheme == QUICK:
        return (
            f"{QUICK} leaves out steps that bring int8 nearer: try `--scheme int8`." if over else ""
        )
    gained = _gained(scheme)
    if over or scheme.scheme not in SLOWER or gained is None or gained >= HARDLY:
        return ""
    return (
        f"All that {scheme.scheme} does after the scales gained {gained:.1f} dB: "
        f"`--scheme {QUICK}` takes seconds, and may do as well."
    )


def _gained(scheme: SchemeReport) -> float | None:
    """Return the gain in dB of all kept steps over the first one, or None if fewer than two ran."""
    ran = [(step.psnr, step.kept) for step in scheme.steps if not isinstance(step.psnr, Skipped)]
    kept = [psnr for psnr, is_kept in ran if is_kept]
    return kept[-1] - kept[0] if len(ran) > 1 and kept else None
