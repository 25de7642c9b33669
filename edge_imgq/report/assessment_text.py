"""Text form of an assessment."""

from __future__ import annotations

import shlex

from edge_imgq.models.measures import WORTH, unfit
from edge_imgq.report.assessment import Assessment, Estimate
from edge_imgq.report.drawing import draw, new_table, wrapped
from edge_imgq.skipped import Skipped

MOTION = 0.5
"""Elongation above which a blur is called motion blur instead of defocus."""


def assessment_text(assessment: Assessment) -> str:
    """Return an assessment as text: a table of degradations, predicted gains, and the advice.

    Values have their unit and ± their uncertainty (`Estimate.uncertainty`); gains are in dB. The
    advice is a command to copy, or to leave the photograph as it is. At most 80 columns, file names
    and the command apart.
    """
    height, width = assessment.size
    table = new_table("what", ">estimate", "in words")
    noise, blocks, sharpness = _formulas(assessment)
    table.add_row("noise", _number(assessment.noise), noise)
    table.add_row("JPEG quality", _number(assessment.jpeg_quality), blocks)
    table.add_row(
        "blur", _number(assessment.blur), "; ".join(filter(None, (_blur(assessment), sharpness)))
    )
    table.add_row("upscaling", _number(assessment.upscaling), "")
    table.add_row("exposure", _number(assessment.exposure), "")
    table.add_row(
        "PSNR", _number(assessment.psnr), "of luma, against the photograph as it should be"
    )
    for one in assessment.gains:
        table.add_row(f"{one.model}", _number(one.gain, sign=True), "gain of that PSNR")
    paragraphs = [f"{assessment.source} ({height} high, {width} wide)", draw(table)]
    if isinstance(formulas := assessment.classical, Skipped):
        paragraphs.append(f"skipped: {formulas.reason}")
    return "\n\n".join((*paragraphs, _advice(assessment)))


def _formulas(assessment: Assessment) -> tuple[str, str, str]:
    """Return the classical measures of noise, JPEG blocking and sharpness as text, or ""."""
    formulas = assessment.classical
    if isinstance(formulas, Skipped):
        return "", "", ""
    return (
        f"formula: {formulas.noise:.1f} levels, texture counts",
        f"formula: blockiness {formulas.blockiness:.2f}",
        f"formula: variance of the Laplacian {formulas.laplacian_variance:.0f}",
    )


def _number(estimate: Estimate, *, sign: bool = False) -> str:
    value = f"{estimate.value:+.1f}" if sign else f"{estimate.value:.1f}"
    return f"{value} ± {estimate.uncertainty:.1f} {estimate.unit}".rstrip()


def _blur(assessment: Assessment) -> str:
    if not assessment.blurred:
        return "sharp"
    return "motion" if assessment.elongation.value > MOTION else "out of focus"


def _advice(assessment: Assessment) -> str:
    reasons = _passed_over(assessment)
    if not assessment.advice:
        why = reasons or [f"no network that may be advised gains {WORTH} dB or more"]
        return wrapped("; ".join(["advice: leave it as it is", *why]))
    command = " ".join(
        ("edge-imgq enhance", shlex.quote(assessment.source), "-o out --model", *assessment.advice)
    )
    advice = f"advice: {', then '.join(assessment.advice)}"
    return wrapped("; ".join([advice, *reasons])) + f"\n  {command}"


def _passed_over(assessment: Assessment) -> list[str]:
    """Return why networks with a larger gain than the advised one are not advised."""
    reasons = []
    for one in assessment.gains:
        if one.gain.value < WORTH or one.model in assessment.advice:
            break
        reason = unfit(one.model, min(assessment.size), assessment.noise.value)
        if not reason and one.adjusted < one.gain.value:
            reason = f"{one.model} changes tones, and these may be meant"
        reasons.append(reason or f"the estimate for {assessment.advice[0]} is the more cautious")
    return reasons
