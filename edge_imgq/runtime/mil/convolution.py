"""Convolutions and matrix products of MIL, computed in torch and accumulated in float32."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments
from edge_imgq.runtime.mil.window_padding import padding, torch_padding

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
"""torch's transposed convolutions by number of spatial axes, as CONV has the ordinary ones."""


def conv(arguments: Arguments) -> Tensor:
    """Convolve (N, C_in, spatial axes …) with one to three spatial axes: MIL `conv`.

    `weight` is (C_out, C_in / groups, kernel …), `bias` (C_out,) or absent. Strides, dilations and
    groups are 1 by default. `pad_type` is valid (no padding, the default), custom (the pairs of
    `pad`), or same and same_lower (to ceil(size / stride)); padding is 0. Computes in float32, in
    torch's order of summation.

    Returns:
        (N, C_out, spatial axes …), float32; each axis is (size + pads − (kernel − 1) · dilation −
        1) // stride + 1 long.

    Raises:
        RuntimeError: channels do not match, or the kernel is larger than the padded input.
    """
    x, weight = arguments.tensor("x"), arguments.tensor("weight")
    axes = weight.ndim - 2
    strides = arguments.ints("strides", [1] * axes)
    dilations = arguments.ints("dilations", [1] * axes)
    pads = padding(arguments, weight.shape[2:], strides, dilations)
    # Symmetric padding is left to the convolution, which does not copy the input for it.
    inner = [begin for begin, _ in pads]
    if inner != [end for _, end in pads]:
        x, inner = F.pad(x, torch_padding(pads)), [0] * axes
    groups = int(arguments.number("groups", 1))
    bias = arguments.optional("bias")
    return CONV[axes](x, weight, bias, strides, inner, dilations, groups)


def conv_transpose(arguments: Arguments) -> Tensor:
    """Compute the transposed convolution of (N, C_in, spatial axes …): MIL `conv_transpose`.

    `weight` is (C_in, C_out / groups, kernel …), with one to three spatial axes, `bias` (C_out,) or
    absent. Strides, dilations and groups are 1 by default. The full result is (size − 1) · stride +
    (kernel − 1) · dilation + 1 long; `pad`, a flat list of (before, after) pairs, is removed from
    it if `pad_type` is "custom", otherwise nothing is. Computes in float32, in torch's order of
    summation.

    `output_shape`, if given, may exceed what is left at the file's own image size. The difference
    is kept constant at other sizes: rows and columns are added at the end. Beyond the full result,
    which no input reaches, they hold the bias, as with torch's `output_padding` and in coremltools'
    conversion of it.

    Returns:
        (N, C_out, spatial axes …), float32.

    Raises:
        RuntimeError: channels do not match.
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
    return _beyond_as_bias(F.pad(full, torch_padding(cuts)), cuts, arguments.optional("bias"))


def _beyond_as_bias(result: Tensor, cuts: Sequence[tuple[int, int]], bias: Tensor | None) -> Tensor:
    """Return a padded result with the bias in the elements that were added at the end of an axis.

    Args:
        result: (N, C, spatial axes …), with zeros where it was padded; changed in place.
        cuts: for each spatial axis, the elements added before and after; negative where removed.
        bias: (C,), or None, which leaves the zeros.
    """
    if bias is not None:
        by_channel = bias.reshape(1, -1, *[1] * len(cuts))
        for axis, (_, after) in enumerate(cuts, 2):
            if after > 0:
                beyond = result.narrow(axis, result.shape[axis] - after, after)
                beyond.copy_(by_channel.expand_as(beyond))
    return result


def _extra(
    arguments: Arguments,
    kernel: Sequence[int],
    strides: list[int],
    dilations: list[int],
    pads: list[int],
) -> list[int]:
    """Return how many elements `output_shape` adds to the natural size of each spatial axis."""
    if not arguments.has("output_shape"):
        return [0] * len(kernel)
    asked = arguments.ints("output_shape")[2:]
    natural = [
        (size - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - pads[2 * i] - pads[2 * i + 1]
        for i, size in enumerate(arguments.declared_shape("x")[2:])
    ]
    return [wanted - size for wanted, size in zip(asked, natural, strict=True)]


def linear(arguments: Arguments) -> Tensor:
    """Return x · weightᵀ + bias in float32: MIL `linear`.

    `x` is (…, C_in), `weight` (C_out, C_in), `bias` (C_out,) or absent; the result is (…, C_out),
    summed in torch's order.

    Raises:
        RuntimeError: the shapes do not match.
    """
    return F.linear(arguments.tensor("x"), arguments.tensor("weight"), arguments.optional("bias"))


def matmul(arguments: Arguments) -> Tensor:
    """Return the matrix product of x (…, M, K) and y (…, K, N), (…, M, N): MIL `matmul`.

    Leading axes broadcast. `transpose_x` and `transpose_y` swap the last two axes of their operand
    first, unless it is a vector (K,). Computes in float32, in torch's order of summation.

    Raises:
        RuntimeError: the shapes do not match.
    """
    x, y = arguments.tensor("x"), arguments.tensor("y")
    if arguments.flag("transpose_x") and x.ndim > 1:
        x = x.transpose(-1, -2)
    if arguments.flag("transpose_y") and y.ndim > 1:
        y = y.transpose(-1, -2)
    return x @ y
