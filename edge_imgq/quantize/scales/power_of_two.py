"""Power-of-two scales, for targets that requantize by shifting.

The scale of every activation is rounded up to the next power of two, except the image's 1/255,
which defines pixels. Weight scales make the requantization multipliers powers of two too, except in
layers that read or write the image: there 1/255 requires a multiplier anyway, which is chosen free
of ties.

This costs up to one bit per range. Multipliers inside the network are powers of two, so ties are
frequent. But products and sums are exact in integers, and in float32 while a sum stays below 2²⁴
units (some 1,000 products of the largest integers), and quantizers and convolutions of ONNX Runtime
and XNNPACK round ties to even. XNNPACK's addition of unequal scales does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.ranges.ranges import INT8_HIGH, INT8_LOW, per_tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def with_powers(
    qparams: Mapping[ir.Value, Quantization], image: Quantization
) -> dict[ir.Value, Quantization]:
    """Return parameters with scales rounded up to powers of two, except those of the image.

    Any parameters whose scale equals that of the image are kept.

    Args:
        qparams: per-tensor int8 quantization of every activation; it is not changed, and values
            with equal parameters keep equal ones.
        image: quantization parameters of 8-bit pixels.
    """
    return {
        value: parameters if parameters.scale[0] == image.scale[0] else power(parameters)
        for value, parameters in qparams.items()
    }


def power(parameters: Quantization) -> Quantization:
    """Return per-tensor int8 parameters with the scale rounded up to a power of two.

    The zero point is chosen so that the lower end of the range stays, to half a level. A scale at
    most 1e-6 octaves above a power of two is rounded down to that.
    """
    own, zero = float(parameters.scale[0]), int(parameters.zero_point[0])
    scale = 2.0 ** math.ceil(math.log2(own) - SLACK)
    zero_point = round(INT8_LOW - (INT8_LOW - zero) * own / scale)
    return per_tensor(scale, min(max(zero_point, INT8_LOW), INT8_HIGH))


def is_power(scale: float) -> bool:
    """Return True if a positive scale is exactly a power of two."""
    return math.frexp(scale)[0] == 0.5


def power_above(multipliers: Any) -> NDArray[np.float64]:
    """Round positive numbers of any shape up to powers of two, float64.

    A number at most 1e-6 octaves above a power of two is rounded down to that.
    """
    exponents: NDArray[np.float64] = np.ceil(np.log2(multipliers) - SLACK)
    return np.exp2(exponents)


SLACK = 1e-6
"""Tolerance on exponents: float32 rounding does not raise a power of two to the next one."""
