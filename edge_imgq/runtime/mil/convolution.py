"""Convolutions and products of the evaluator, accumulated in float32."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments
from edge_imgq.runtime.mil.window import padding


def conv(arguments: Arguments) -> Tensor:
    """`conv` on (N, C, H, W)."""
    x, weight = arguments.tensor("x"), arguments.tensor("weight")
    strides = arguments.ints("strides", [1, 1])
    dilations = arguments.ints("dilations", [1, 1])
    top, bottom, left, right = padding(arguments, weight.shape[2:], strides, dilations)
    # Symmetric padding is left to the convolution, which does not copy the input for it.
    inner = (top, left) if (top, left) == (bottom, right) else (0, 0)
    if inner == (0, 0):
        x = F.pad(x, (left, right, top, bottom))
    groups = int(arguments.number("groups", 1))
    return F.conv2d(x, weight, arguments.optional("bias"), strides, inner, dilations, groups)


def conv_transpose(arguments: Arguments) -> Tensor:
    """`conv_transpose` on (N, C, H, W); weights are (C_in, C_out / groups, H, W).

    A given `output_shape` says how many rows and columns there are beyond the natural size at the
    file's own image size; the same number is kept at other sizes.
    """
    x, weight = arguments.tensor("x"), arguments.tensor("weight")
    strides = arguments.ints("strides", [1, 1])
    dilations = arguments.ints("dilations", [1, 1])
    groups = int(arguments.number("groups", 1))
    pads = arguments.ints("pad", [0] * 4) if arguments.text("pad_type") == "custom" else [0] * 4
    full = F.conv_transpose2d(
        x, weight, arguments.optional("bias"), strides, 0, 0, groups, dilations
    )
    extra = _extra(arguments, weight.shape[2:], strides, dilations, pads)
    top, bottom, left, right = pads
    return F.pad(full, (-left, extra[1] - right, -top, extra[0] - bottom))


def _extra(
    arguments: Arguments,
    kernel: tuple[int, ...],
    strides: list[int],
    dilations: list[int],
    pads: list[int],
) -> tuple[int, int]:
    """Return rows and columns that `output_shape` asks for beyond the natural size."""
    if not arguments.has("output_shape"):
        return 0, 0
    asked = arguments.ints("output_shape")[2:]
    natural = [
        (size - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - pads[2 * i] - pads[2 * i + 1]
        for i, size in enumerate(arguments.declared_shape("x")[2:])
    ]
    return asked[0] - natural[0], asked[1] - natural[1]


def linear(arguments: Arguments) -> Tensor:
    """`linear`: x · weightᵀ + bias."""
    return F.linear(arguments.tensor("x"), arguments.tensor("weight"), arguments.optional("bias"))


def matmul(arguments: Arguments) -> Tensor:
    """`matmul` with its transpose flags."""
    x, y = arguments.tensor("x"), arguments.tensor("y")
    if arguments.flag("transpose_x"):
        x = x.transpose(-1, -2)
    if arguments.flag("transpose_y"):
        y = y.transpose(-1, -2)
    return x @ y
