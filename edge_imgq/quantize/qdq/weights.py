"""Quantize weights to int8 with one scale per output channel, and biases to int32."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge_imgq.graph.network import Quantization
from edge_imgq.kernels.xnnpack import MAX_MULTIPLIER
from edge_imgq.quantize.scales.power_of_two import power_above
from edge_imgq.quantize.scales.tie_free_multiplier import tie_free_above

WEIGHT_HIGH = 127
"""Weights use −127 … 127, so that a kernel may negate them."""

BIAS_HIGH = 2.0**30
"""Largest bias, half the int32 range, which leaves the other half to the sum of products."""

MIN_MULTIPLIER = 2.0**-31
"""Smallest input scale · weight scale / output scale; XNNPACK refuses values below 2⁻³²."""

MAX_POWER = 2.0 ** math.floor(math.log2(MAX_MULTIPLIER))
"""Largest power of two that is a multiplier which kernels take."""


def quantize_weight(
    weight: Any,
    bias: Any,
    axis: int,
    input_scale: float,
    output_scale: float,
    *,
    by_shift: bool = False,
) -> tuple[Any, Quantization]:
    """Quantize weights to int8 with a scale per output channel.

    A scale is the channel's largest magnitude / 127, slightly widened so that no requantization
    has ties that runtimes round differently (`edge_imgq.quantize.scales.tie_free_multiplier`). A
    channel whose weights are tiny or zero gets a scale large enough for its bias to fit int32 and
    for the requantization multiplier to stay in the range that kernels accept. If a channel's
    weights are so large that one level of the input fills the range of the result, its scale is
    limited and its weights saturate. Weights are rounded half to even.

    Args:
        weight: float32 weights with output channels on `axis`.
        bias: float32 (channels,), or None.
        axis: axis of the output channels: 0 in Conv, 1 in ConvTranspose.
        input_scale: scale of the activation that the weight multiplies.
        output_scale: scale of the result.
        by_shift: make input scale · weight scale / output scale a power of two.

    Returns:
        int8 weights in −127 … 127 of the shape of `weight`, and their quantization: scales float32
        (channels,), zero points 0.
    """
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scale = np.abs(weight).max(axis=others).astype(np.float64) / WEIGHT_HIGH
    floor = np.full_like(scale, MIN_MULTIPLIER * output_scale / input_scale)
    if bias is not None:
        floor = np.maximum(floor, np.abs(bias) / (input_scale * BIAS_HIGH))
    gain = input_scale / output_scale
    rounded_up = power_above if by_shift else tie_free_above
    largest = MAX_POWER if by_shift else MAX_MULTIPLIER
    multiplier = np.minimum(np.maximum(scale, floor) * gain, largest)
    scale = (rounded_up(multiplier) / gain).astype(np.float32)
    broadcast = scale.reshape([-1 if i == axis else 1 for i in range(weight.ndim)])
    integers = np.rint(weight / broadcast).clip(-WEIGHT_HIGH, WEIGHT_HIGH).astype(np.int8)
    return integers, Quantization(scale, np.zeros(len(scale), np.int32), "int8", axis)


def quantize_bias(bias: Any, input_scale: float, weight_scale: Any) -> tuple[Any, Quantization]:
    """Quantize the bias to int32 at scale = input scale · weight scale, saturating.

    Rounded half to even. The product of the scales is rounded to float32.

    Args:
        bias: float32 (channels,).
        input_scale: scale of the activation.
        weight_scale: float32 (channels,).

    Returns:
        int32 (channels,) and their quantization, with zero points 0 and axis 0.
    """
    scale = (np.float32(input_scale) * weight_scale).astype(np.float32)
    integers = as_int32(bias / scale.astype(np.float64))
    return integers, Quantization(scale, np.zeros(len(scale), np.int32), "int32", 0)


def as_int32(levels: Any) -> Any:
    """Round numbers of any shape half to even, and saturate to int32."""
    limits = np.iinfo(np.int32)
    return np.rint(levels).clip(limits.min, limits.max).astype(np.int32)
