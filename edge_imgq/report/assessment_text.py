"""Text form of an assessment."""

from __future__ import annotations

import shlex

from edge_imgq.models.measures import SEEN, WORTH
from edge_imgq.report.assessment import Assessment, Estimate
from edge_imgq.report.drawing import draw, new_table, wrapped
from edge_imgq.skipped import Skipped

MOTION = 0.5
"""Elongation above which a blur is called motion blur instead of defocus."""


def assessment_text(found: Assessment) -> str:
    """Return a table of degradations and predicted gains, and the advice."""
    height, width = found.size
    table = new_table("what", ">estimate", "in words")
    noise, blocks, sharpness = _formulas(found)
    table.add_row("noise", _number(found.noise), noise)
    table.add_row("JPEG quality", _number(found.jpeg_quality), blocks)
    table.add_row("blur", _number(found.blur), "; ".join(filter(None, (_blur(found), sharpness))))
    table.add_row("upscaling", _number(found.upscaling), "")
    table.add_row("exposure", _number(found.exposure), "")
    table.add_row("PSNR", _number(found.psnr), "against the photograph as it should be")
    for one in found.gains:
        table.add_row(f"{one.model}", _number(one.gain, sign=True), "gain of PSNR")
    parts = [f"{found.source} ({height} high, {width} wide)", draw(table)]
    if isinstance(formulas := found.classical, Skipped):
        parts.append(f"skipped: {formulas.reason}")
    return "\n\n".join((*parts, _advice(found)))


def _formulas(found: Assessment) -> tuple[str, str, str]:
    """Return the classical measures of noise, JPEG blocking and sharpness as text, or ""."""
    formulas = found.classical
    if isinstance(formulas, Skipped):
        return "", "", ""
    return (
        f"formula: {formulas.noise:.1f} levels, texture counts",
        f"formula: blockiness {formulas.blockiness:.2f}",
        f"formula: variance of the Laplacian {formulas.laplacian_variance:.0f}",
    )


def _number(estimate: Estimate, *, sign: bool = False) -> str:
    value = f"{estimate.value:+.1f}" if sign else f"{estimate.value:.1f}"
    return f"{value} ± {estimate.spread:.1f} {estimate.unit}".rstrip()


def _blur(found: Assessment) -> str:
    if not found.blurred:
        return "sharp"
    return "motion" if found.elongation.value > MOTION else "out of focus"


def _advice(found: Assessment) -> str:
    reasons = _passed_over(found)
    if not found.advice:
        why = reasons or [f"no network that may be advised gains {WORTH} dB or more"]
        return wrapped("; ".join(["advice: leave it as it is", *why]))
    command = " ".join(
        ("edge-imgq enhance", shlex.quote(found.source), "-o out --model", *found.advice)
    )
    advice = f"advice: {', then '.join(found.advice)}"
    return wrapped("; ".join([advice, *reasons])) + f"\n  {command}"


def _passed_over(found: Assessment) -> list[str]:
    """Return why networks with a larger gain than the advised one are not advised."""
    reasons = []
    for one in found.gains:
        if one.gain.value < WORTH or one.model in found.advice:
            break
        if one.model in SEEN:
            side = SEEN[one.model]
            reasons.append(f"{one.model} needs {side} pixels on each side")
        else:
            reasons.append(f"{one.model} changes tones, and whether these are meant cannot be seen")
    return reasons
