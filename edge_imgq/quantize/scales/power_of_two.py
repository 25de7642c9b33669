"""Scales that are powers of two, for targets that requantize by shifting.

Every activation's scale is rounded up to the next power of two, but for the image's 1/255, which is
what pixels are. The scales of weights are powers of two as well, but for those that read or write
the image: there 1/255 makes a multiplier necessary anyway, and it stays free of ties.

It costs up to a bit of each range. Inside, multipliers are powers of two and often meet halves.
Products and sums are exact then, in float32 as in integers, and quantizers and convolutions of ONNX
Runtime and XNNPACK round halves to even. An addition of unequal scales does not, in XNNPACK.
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
    placed: Mapping[ir.Value, Quantization], image: Quantization
) -> dict[ir.Value, Quantization]:
    """Return the same parameters with powers of two as scales, but for those of the image.

    Args:
        placed: quantization of every activation; values that share theirs still do.
        image: parameters of 8-bit pixels.
    """
    return {
        value: parameters if parameters.scale[0] == image.scale[0] else power(parameters)
        for value, parameters in placed.items()
    }


def power(parameters: Quantization) -> Quantization:
    """Return parameters of a whole tensor, with the next power of two that reaches as far."""
    own, zero = float(parameters.scale[0]), int(parameters.zero_point[0])
    scale = 2.0 ** math.ceil(math.log2(own) - SLACK)
    zero_point = round(INT8_LOW - (INT8_LOW - zero) * own / scale)
    return per_tensor(scale, min(max(zero_point, INT8_LOW), INT8_HIGH))


def is_power(scale: float) -> bool:
    """Tell whether a scale is a power of two."""
    return math.frexp(scale)[0] == 0.5


def power_above(multipliers: Any) -> NDArray[np.float64]:
    """Return, for each positive number, the least power of two that is not below it."""
    exponents: NDArray[np.float64] = np.ceil(np.log2(multipliers) - SLACK)
    return np.exp2(exponents)


SLACK = 1e-6
"""Of an exponent: what is a power of two but for float32's rounding stays."""
