"""An assessment as text."""

from __future__ import annotations

import shlex

from edge_imgq.report.assessment import Assessment, Estimate
from edge_imgq.report.drawing import draw, new_table, wrapped

MOTION = 0.5
"""Elongation above which a blur is called one of motion."""


def assessment_text(found: Assessment) -> str:
    """Return what a photograph suffers from, one row each, and what mends it."""
    height, width = found.size
    table = new_table("what", ">estimate", "in words")
    formulas = found.classical
    table.add_row(
        "noise", _number(found.noise), f"formula: {formulas.noise:.1f} levels, texture counts"
    )
    table.add_row(
        "JPEG quality",
        _number(found.jpeg_quality),
        f"formula: blockiness {formulas.blockiness:.2f}",
    )
    table.add_row("blur", _number(found.blur), _blur(found))
    table.add_row("upscaling", _number(found.upscaling), "")
    table.add_row("exposure", _number(found.exposure), "")
    table.add_row("PSNR", _number(found.psnr), "against the photograph as it should be")
    for one in found.gains:
        table.add_row(f"{one.model}", _number(one.gain, sign=True), "gain of PSNR")
    return "\n".join(
        (f"{found.source} ({height} high, {width} wide)", "", draw(table), "", _advice(found))
    )


def _number(estimate: Estimate, *, sign: bool = False) -> str:
    value = f"{estimate.value:+.1f}" if sign else f"{estimate.value:.1f}"
    return f"{value} ± {estimate.spread:.1f} {estimate.unit}".rstrip()


def _blur(found: Assessment) -> str:
    variance = f"formula: variance of the Laplacian {found.classical.laplacian_variance:.0f}"
    if not found.blurred:
        return f"sharp; {variance}"
    kind = "motion" if found.elongation.value > MOTION else "out of focus"
    return f"{kind}; {variance}"


def _advice(found: Assessment) -> str:
    if not found.advice:
        return "advice: leave it as it is; no network of the zoo would bring it nearer"
    command = " ".join(
        ("edge-imgq enhance", shlex.quote(found.source), "-o out --model", *found.advice)
    )
    return wrapped(f"advice: {', then '.join(found.advice)}") + f"\n  {command}"
