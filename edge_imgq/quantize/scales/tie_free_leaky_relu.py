"""Leaky rectifiers that kernels and the QDQ graph round alike.

XNNPACK multiplies a level q by whole 256ths on either side of zero, P above and N below, and rounds
halves up:

    ⌊(q·P + 128) / 256⌋,        P = round(256·a/y),        N = round(256·α·a/y).

The QDQ graph computes q·a/y, or α·q·a/y, and rounds halves to even. So the scales a and y get a
ratio of P/256, P the number next to what is needed for which α·P is nearly whole, and the graph
gets the slope that the kernel has, N/P. Both then see the same numbers.

Halves among these (q = ±128 where P and N are odd) agree where the graph sees none: its numbers lie
a hair above P/256 and below N/256, so that halves are rounded up, towards zero where they are
negative, as the kernel rounds them.

Source: XNNPACK, `src/microparams-init.c` (xnn_init_qs8_vlrelu_scalar_params) and
`src/qs8-vlrelu/scalar.c.in`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.network import Quantization
from edge_imgq.kernels.xnnpack import FRACTIONS
from edge_imgq.quantize.scales.shared_scales import ScaleClass
from edge_imgq.quantize.scales.tie_free_multiplier import SLACK, exactly_invertible_above

WIDEST = 1.05
"""How much wider the result may become, or else the operand."""

HAIR = 6e-6
"""Share that a ratio is moved by. A result of 255 levels moves by less than half a 256th of one,
one of a level by more than float32 is off by."""

BESIDE = 64
"""Float32 numbers above a scale, HAIR or so in all, one of which has an exact reciprocal."""


def wider_result(operand: ScaleClass, result: ScaleClass, slope: float) -> float:
    """Return the scale for the result of a leaky rectifier, its operand's scale given.

    Args:
        operand: values that it reads.
        result: values that it computes; another reciprocal is kept exact where it `is_reciprocal`.
        slope: α.
    """
    most = math.floor(operand.scale / result.scale * FRACTIONS * (1 + SLACK))
    candidates = range(most, math.floor(most / WIDEST), -1)
    if not candidates:
        return result.scale
    scale = operand.scale * FRACTIONS / _steps(candidates, slope)
    if result.is_reciprocal:
        return exactly_invertible_above(scale / (1 + 2 * HAIR), BESIDE)
    return scale / (1 + HAIR)


def wider_operand(operand: ScaleClass, result: ScaleClass, slope: float) -> float:
    """Return the scale for the operand of a leaky rectifier, its result's scale given."""
    least = math.ceil(operand.scale / result.scale * FRACTIONS * (1 - SLACK))
    candidates = range(least, math.ceil(least * WIDEST))
    if not candidates:
        return operand.scale
    return result.scale / FRACTIONS * _steps(candidates, slope) * (1 + HAIR)


def _steps(candidates: range, slope: float) -> int:
    """Return the first number whose product with the slope is as near to whole as any."""
    return min(candidates, key=lambda steps: round(abs(steps * slope - round(steps * slope)), 3))


def quantize_slope(node: ir.Node, placed: Mapping[ir.Value, Quantization]) -> None:
    """Give a leaky rectifier the slope that the kernel has under its scales; in place.

    Args:
        node: a LeakyRelu between quantized values.
        placed: quantization of every activation.
    """
    source, result = node.inputs[0], node.outputs[0]
    if source is None or source not in placed or result not in placed:
        return
    ratio = float(placed[source].scale[0]) / float(placed[result].scale[0])
    slope = node.attributes.get_float("alpha", 0.01)
    whole = float(np.rint(FRACTIONS * ratio * slope))
    node.attributes["alpha"] = ir.AttrFloat32("alpha", whole * (1 - HAIR) / (FRACTIONS * ratio))
