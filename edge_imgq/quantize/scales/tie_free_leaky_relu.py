"""Choose scales and slopes of leaky ReLUs such that kernels and the QDQ graph round alike.

XNNPACK multiplies a level q by integers over 256, P for positive and N for negative q, and rounds
ties up:

    ⌊(q·P + 128) / 256⌋,        P = round(256·a/y),        N = round(256·α·a/y).

The QDQ graph computes q·a/y or α·q·a/y and rounds ties to even. So the ratio of the scales a and y
is set to P/256, with the P near the desired one for which α·P is closest to an integer, and the
graph gets the kernel's slope, N/P. Both then compute the same numbers.

Ties among these (q = ±128 with P and N odd) agree because the graph sees none: its ratios are
slightly above P/256 and slightly below N/256, so ties round up, towards zero for negative numbers,
as in the kernel.

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
"""Largest factor by which the scale of the result, or else of the operand, may grow."""

HAIR = 6e-6
"""Relative shift of a ratio. It moves a result of 255 levels by less than half of 1/256 level, and
a result of one level by more than the float32 error."""

BESIDE = 64
"""Number of float32 values above a scale, HAIR in all, one of which has an exact reciprocal."""


def wider_result(operand: ScaleClass, result: ScaleClass, slope: float) -> float:
    """Compute the scale of a leaky ReLU's result, given its operand's scale; nothing is changed.

    The ratio of operand to result becomes k/256: of the k from the present ratio down to 1/1.05 of
    it, the one whose product with the slope is closest to an integer. So the scale grows by at most
    about 5 %. It stays if the ratio is below 1/256.

    Args:
        operand: scale class of the operand.
        result: scale class of the result; if `is_reciprocal`, the new scale has a nearly exact
            float32 reciprocal too.
        slope: α, the factor of negative values.
    """
    most = math.floor(operand.scale / result.scale * FRACTIONS * (1 + SLACK))
    candidates = range(most, math.floor(most / WIDEST), -1)
    if not candidates:
        return result.scale
    scale = operand.scale * FRACTIONS / _numerator(candidates, slope)
    if result.is_reciprocal:
        return exactly_invertible_above(scale / (1 + 2 * HAIR), BESIDE)
    return scale / (1 + HAIR)


def wider_operand(operand: ScaleClass, result: ScaleClass, slope: float) -> float:
    """Compute the scale of a leaky ReLU's operand, given its result's scale; nothing is changed.

    The ratio of operand to result becomes k/256: of the k from the present ratio up to 1.05 times
    it, the one whose product with the slope is closest to an integer.

    Args:
        operand: scale class of the operand.
        result: scale class of the result.
        slope: α, the factor of negative values.
    """
    least = math.ceil(operand.scale / result.scale * FRACTIONS * (1 - SLACK))
    candidates = range(least, math.ceil(least * WIDEST))
    if not candidates:
        return operand.scale
    return result.scale / FRACTIONS * _numerator(candidates, slope) * (1 + HAIR)


def _numerator(candidates: range, slope: float) -> int:
    """Return the first candidate whose product with the slope is closest to an integer."""
    return min(candidates, key=lambda k: round(abs(k * slope - round(k * slope)), 3))


def quantize_slope(node: ir.Node, qparams: Mapping[ir.Value, Quantization]) -> None:
    """Set the slope of a leaky ReLU to the one that the kernel computes with its scales, in place.

    With the ratio r of the operand's to the result's scale, α becomes round(256·r·α) / (256·r),
    less a relative 6e-6 so that ties round as in XNNPACK.

    Args:
        node: LeakyRelu node; it is left unchanged unless operand and result are quantized.
        qparams: per-tensor quantization of every activation.
    """
    source, result = node.inputs[0], node.outputs[0]
    if source is None or source not in qparams or result not in qparams:
        return
    ratio = float(qparams[source].scale[0]) / float(qparams[result].scale[0])
    slope = node.attributes.get_float("alpha", 0.01)
    whole = float(np.rint(FRACTIONS * ratio * slope))
    node.attributes["alpha"] = ir.AttrFloat32("alpha", whole * (1 - HAIR) / (FRACTIONS * ratio))
