"""Symmetric quantization with zero point 0, for kernels such as ncnn's that support no other.

Integers range from −127 to 127, so the output of a ReLU has 7 bits. The image keeps its own
parameters, one level per pixel level.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.ranges.ranges import INT8_HIGH, MIN_SCALE, bounds, per_tensor


def with_zero_points_0(
    qparams: Mapping[ir.Value, Quantization], image: Quantization
) -> dict[ir.Value, Quantization]:
    """Return parameters widened to symmetric ranges with zero point 0, except those of the image.

    Args:
        qparams: per-tensor int8 quantization of every activation; it is not changed, and values
            with equal parameters keep equal ones.
        image: quantization parameters of 8-bit pixels; values with these keep them.
    """
    return {
        value: parameters if _is_image(parameters, image) else symmetric(parameters)
        for value, parameters in qparams.items()
    }


def symmetric(parameters: Quantization) -> Quantization:
    """Return per-tensor int8 parameters with zero point 0 whose −127 … 127 cover the same range.

    The scale is the larger end's magnitude / 127, rounded to float32, at least 2⁻⁸⁰.
    """
    reach = bounds(parameters)
    return per_tensor(max(-reach.low, reach.high, MIN_SCALE * INT8_HIGH) / INT8_HIGH, 0)


def _is_image(parameters: Quantization, image: Quantization) -> bool:
    same = parameters.scale[0] == image.scale[0]
    return bool(same and parameters.zero_point[0] == image.zero_point[0])
