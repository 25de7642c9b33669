"""Integer operators of the evaluator: real = scale × (integer − zero point)."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments

RANGES = {"int8": (-128, 127), "uint8": (0, 255)}


def quantize(arguments: Arguments) -> Tensor:
    """`quantize`: clip(round(x / scale) + zero point), rounding half to even."""
    x = arguments.tensor("input")
    scale = _along(arguments, arguments.tensor("scale"), x.ndim)
    low, high = RANGES[arguments.text("output_dtype")]
    return (torch.round(x / scale) + _zero_point(arguments, x.ndim)).clamp(low, high)


def dequantize(arguments: Arguments) -> Tensor:
    """`dequantize`."""
    x = arguments.raw("input").float()
    return (x - _zero_point(arguments, x.ndim)) * _along(
        arguments, arguments.tensor("scale"), x.ndim
    )


def affine_weights(arguments: Arguments) -> Tensor:
    """`constexpr_affine_dequantize`: integer weights, unpacked when the model is loaded."""
    data = arguments.raw("quantized_data").float()
    return (data - _zero_point(arguments, data.ndim)) * _along(
        arguments, arguments.tensor("scale"), data.ndim
    )


def blockwise_weights(arguments: Arguments) -> Tensor:
    """`constexpr_blockwise_shift_scale`: scale and offset per block of every axis."""
    data = arguments.raw("data").float()
    scale = _blocks(arguments.tensor("scale"), data)
    if arguments.has("offset"):
        data = data - _blocks(arguments.raw("offset").float(), data)
    return data * scale


def _zero_point(arguments: Arguments, rank: int) -> Tensor | float:
    if not arguments.has("zero_point"):
        return 0.0
    return _along(arguments, arguments.raw("zero_point").float(), rank)


def _along(arguments: Arguments, vector: Tensor, rank: int) -> Tensor:
    """Shape a scalar or a vector along `axis` so that it broadcasts."""
    if vector.ndim == 0:
        return vector
    shape = [1] * rank
    shape[int(arguments.number("axis"))] = -1
    return vector.reshape(shape)


def _blocks(parameter: Tensor, data: Tensor) -> Tensor:
    for axis, size in enumerate(parameter.shape):
        parameter = parameter.repeat_interleave(data.shape[axis] // size, axis)
    return parameter
