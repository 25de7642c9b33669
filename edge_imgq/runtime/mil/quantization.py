"""Integer operators of MIL, computed in torch: real value = scale × (integer − zero point).

Scale and zero point are scalars, or vectors along `axis`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments

RANGES = {"int8": (-128, 127), "uint8": (0, 255)}


def quantize(arguments: Arguments) -> Tensor:
    """Quantize `input` to int8 or uint8: MIL `quantize`.

    Returns clip(round(input / scale) + zero point), rounding half to even, clipped to the range of
    `output_dtype`. Scale and zero point, by default 0, are scalars, or vectors along `axis`. The
    division is in float32. The integers are returned as float32, which holds them exactly;
    `Evaluator` converts them.
    """
    x = arguments.raw("input").to(torch.float32, copy=True)
    low, high = RANGES[arguments.text("output_dtype")]
    # In place: on whole images, allocating memory takes longer than the arithmetic.
    x.div_(_along(arguments, arguments.tensor("scale"), x.ndim)).round_()
    return x.add_(_zero_point(arguments, x.ndim)).clamp_(low, high)


def dequantize(arguments: Arguments) -> Tensor:
    """Return scale · (input − zero point) in float32: MIL `dequantize`, of int8 or uint8.

    Scale and zero point, by default 0, are scalars, or vectors along `axis`. The difference is
    exact, the product rounded once.
    """
    return _affine(arguments, "input")


def affine_weights(arguments: Arguments) -> Tensor:
    """Dequantize integer weights on loading: MIL `constexpr_affine_dequantize`.

    Returns scale · (quantized_data − zero point) in float32, rounded once. Scale and zero point are
    scalars, or vectors along `axis`.
    """
    return _affine(arguments, "quantized_data")


def blockwise_weights(arguments: Arguments) -> Tensor:
    """Dequantize weights in blocks: MIL `constexpr_blockwise_shift_scale`.

    Returns scale · (data − offset) in float32, rounded once, in the shape of `data`. `scale` and
    `offset` have its rank; along axis i one entry applies to a block of data.shape[i] /
    scale.shape[i] elements. The offset is 0 by default.
    """
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
    """Reshape a vector along `axis` so that it broadcasts with a tensor of this rank."""
    if vector.ndim == 0:
        return vector
    shape = [1] * rank
    shape[int(arguments.number("axis"))] = -1
    return vector.reshape(shape)


def _blocks(parameter: Tensor, data: Tensor) -> Tensor:
    for axis, size in enumerate(parameter.shape):
        parameter = parameter.repeat_interleave(data.shape[axis] // size, axis)
    return parameter
