"""Convolutions and products of the evaluator, accumulated in float32."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments
from edge_imgq.runtime.mil.window_padding import outward, padding

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
"""torch's functions by the number of spatial axes."""


def conv(arguments: Arguments) -> Tensor:
    """`conv` on (N, C, *image) with one to three spatial axes."""
    x, weight = arguments.tensor("x"), arguments.tensor("weight")
    axes = weight.ndim - 2
    strides = arguments.ints("strides", [1] * axes)
    dilations = arguments.ints("dilations", [1] * axes)
    pads = padding(arguments, weight.shape[2:], strides, dilations)
    # Symmetric padding is left to the convolution, which does not copy the input for it.
    inner = [begin for begin, _ in pads]
    if inner != [end for _, end in pads]:
        x, inner = F.pad(x, outward(pads)), [0] * axes
    groups = int(arguments.number("groups", 1))
    bias = arguments.optional("bias")
    return CONV[axes](x, weight, bias, strides, inner, dilations, groups)


def conv_transpose(arguments: Arguments) -> Tensor:
    """`conv_transpose` on (N, C, *image); weights are (C_in, C_out / groups, *kernel).

    A given `output_shape` says how many rows and columns there are beyond the natural size at the
    file's own image size; the same number is kept at other sizes.
    """
    x, weight = arguments.tensor("x"), arguments.tensor("weight")
    axes = weight.ndim - 2
    strides = arguments.ints("strides", [1] * axes)
    dilations = arguments.ints("dilations", [1] * axes)
    groups = int(arguments.number("groups", 1))
    custom = arguments.text("pad_type") == "custom"
    flat = arguments.ints("pad", [0] * 2 * axes) if custom else [0] * 2 * axes
    full = CONV_TRANSPOSE[axes](
        x, weight, arguments.optional("bias"), strides, 0, 0, groups, dilations
    )
    extra = _extra(arguments, weight.shape[2:], strides, dilations, flat)
    cuts = [(-flat[2 * axis], extra[axis] - flat[2 * axis + 1]) for axis in range(axes)]
    return F.pad(full, outward(cuts))


def _extra(
    arguments: Arguments,
    kernel: Sequence[int],
    strides: list[int],
    dilations: list[int],
    pads: list[int],
) -> list[int]:
    """Return the elements of each axis that `output_shape` asks for beyond the natural size."""
    if not arguments.has("output_shape"):
        return [0] * len(kernel)
    asked = arguments.ints("output_shape")[2:]
    natural = [
        (size - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - pads[2 * i] - pads[2 * i + 1]
        for i, size in enumerate(arguments.declared_shape("x")[2:])
    ]
    return [wanted - size for wanted, size in zip(asked, natural, strict=True)]


def linear(arguments: Arguments) -> Tensor:
    """`linear`: x · weightᵀ + bias."""
    return F.linear(arguments.tensor("x"), arguments.tensor("weight"), arguments.optional("bias"))


def matmul(arguments: Arguments) -> Tensor:
    """`matmul` with its transpose flags, which leave vectors alone."""
    x, y = arguments.tensor("x"), arguments.tensor("y")
    if arguments.flag("transpose_x") and x.ndim > 1:
        x = x.transpose(-1, -2)
    if arguments.flag("transpose_y") and y.ndim > 1:
        y = y.transpose(-1, -2)
    return x @ y
