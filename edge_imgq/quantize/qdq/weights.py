"""Int8 weights, one scale per output channel, and the int32 bias that goes with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.scales.power_of_two import power_above
from edge_imgq.quantize.scales.tie_free_multiplier import tie_free_above

WEIGHT_HIGH = 127
"""Weights use −127..127, so that a kernel may negate them."""

BIAS_HIGH = 2.0**30
"""Half of int32, so that a bias never comes near overflow when products are added to it."""

SMALLEST_MULTIPLIER = 2.0**-31
"""XNNPACK refuses an input scale × weight scale / output scale below 2⁻³²."""


def quantize_weight(
    weight: Any,
    bias: Any,
    axis: int,
    input_scale: float,
    output_scale: float,
    *,
    by_shift: bool = False,
) -> tuple[Any, Quantization]:
    """Return int8 weights and their scales.

    Scales are such that every runtime rounds the result alike
    (`edge_imgq.quantize.scales.tie_free_multiplier`). A channel whose weights are tiny or all zero
    gets a scale large enough for its bias to fit int32 and for the requantization multiplier to
    stay in the range that kernels accept.

    Args:
        weight: float32; channels on `axis`.
        bias: float32 (channels,), or None.
        axis: of the output channels.
        input_scale: scale of the activation that the weight multiplies.
        output_scale: scale of the result.
        by_shift: whether input scale × weight scale / output scale is to be a power of two.
    """
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scale = np.abs(weight).max(axis=others).astype(np.float64) / WEIGHT_HIGH
    floor = np.full_like(scale, SMALLEST_MULTIPLIER * output_scale / input_scale)
    if bias is not None:
        floor = np.maximum(floor, np.abs(bias) / (input_scale * BIAS_HIGH))
    gain = input_scale / output_scale
    rounded_up = power_above if by_shift else tie_free_above
    scale = (rounded_up(np.maximum(scale, floor) * gain) / gain).astype(np.float32)
    broadcast = scale.reshape([-1 if i == axis else 1 for i in range(weight.ndim)])
    integers = np.rint(weight / broadcast).clip(-WEIGHT_HIGH, WEIGHT_HIGH).astype(np.int8)
    return integers, Quantization(scale, np.zeros(len(scale), np.int32), "int8", axis)


def quantize_bias(bias: Any, input_scale: float, weight_scale: Any) -> tuple[Any, Quantization]:
    """Return the int32 bias at scale = input scale × weight scale.

    Args:
        bias: float32 (channels,).
        input_scale: scale of the activation.
        weight_scale: float32 (channels,).
    """
    scale = (np.float32(input_scale) * weight_scale).astype(np.float32)
    integers = as_int32(bias / scale.astype(np.float64))
    return integers, Quantization(scale, np.zeros(len(scale), np.int32), "int32", 0)


def as_int32(levels: Any) -> Any:
    """Return numbers rounded half to even and saturated to int32."""
    limits = np.iinfo(np.int32)
    return np.rint(levels).clip(limits.min, limits.max).astype(np.int32)
