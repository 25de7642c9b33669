"""Integer operators of the evaluator: real = scale × (integer − zero point)."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments

RANGES = {"int8": (-128, 127), "uint8": (0, 255)}


def quantize(arguments: Arguments) -> Tensor:
    """`quantize`: clip(round(x / scale) + zero point), rounding half to even."""
    x = arguments.raw("input").to(torch.float32, copy=True)
    low, high = RANGES[arguments.text("output_dtype")]
    # In place: on whole images, fetching new memory costs more than the arithmetic.
    x.div_(_along(arguments, arguments.tensor("scale"), x.ndim)).round_()
    return x.add_(_zero_point(arguments, x.ndim)).clamp_(low, high)


def dequantize(arguments: Arguments) -> Tensor:
    """`dequantize`."""
    return _affine(arguments, "input")


def affine_weights(arguments: Arguments) -> Tensor:
    """`constexpr_affine_dequantize`: integer weights, unpacked when the model is loaded."""
    return _affine(arguments, "quantized_data")


def blockwise_weights(arguments: Arguments) -> Tensor:
    """`constexpr_blockwise_shift_scale`: scale and offset per block of every axis."""
    data = arguments.raw("data").float()
    scale = _blocks(arguments.tensor("scale"), data)
    if arguments.has("offset"):
        data = data - _blocks(arguments.raw("offset").float(), data)
    return data * scale


def _affine(arguments: Arguments, key: str) -> Tensor:
    x = arguments.raw(key).to(torch.float32, copy=True)
    scale = _along(arguments, arguments.tensor("scale"), x.ndim)
    return x.sub_(_zero_point(arguments, x.ndim)).mul_(scale)


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
