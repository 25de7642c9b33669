"""The squared error of the image that rounding activations will cause, foretold from their scales.

    N = Σ A · s² / 12

over all activations that are rounded anew; s is the scale, A the squared error of the image by that
of the activation (`edge_imgq.quantize.sensitivity`).
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.constraints import is_rounded_anew


def rounding_noise(
    placed: Mapping[ir.Value, Quantization], errors: Mapping[ir.Value, float]
) -> float:
    """Return N.

    Args:
        placed: quantization of every activation.
        errors: A of those that count.
    """
    return sum(
        error * float(placed[value].scale[0]) ** 2 / 12
        for value, error in errors.items()
        if is_rounded_anew(value)
    )
