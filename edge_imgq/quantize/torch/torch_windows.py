"""Convolution, pooling and padding in torch, with ONNX's padding rules.

Images are float32 (N, C, H, W); windows have two axes. Sums are in torch's order, so results equal
ONNX Runtime's up to float32 rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.graph.convolution import attributes_of, padding_in
from edge_imgq.quantize.torch.torch_inputs import Inputs, given, integers, optional, uncovered

Sides = tuple[int, int, int, int]
"""Padding at the top, left, bottom and right, in pixels; negative values crop."""

EVERYWHERE = (0, 0, 0, 0)


@dataclass(frozen=True)
class WindowGeometry:
    """The window of a convolution or pooling, each along height and width.

    Attributes:
        kernel: taps.
        strides: steps in pixels.
        dilations: distance of neighbouring taps in pixels.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]

    @property
    def spans(self) -> tuple[int, int]:
        """Extent of a window in pixels, dilation included."""
        first, second = ((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))
        return first, second


def geometry_of(node: ir.Node, kernel: Sequence[int]) -> WindowGeometry:
    """Return kernel, strides and dilations of a convolution or pooling, along height and width.

    Args:
        node: the node; strides and dilations that it does not state are 1.
        kernel: taps along each spatial axis.

    Raises:
        NotCoveredError: the kernel does not have two axes.
    """
    if len(kernel) != 2:
        raise uncovered(node, f"windows of {len(kernel)} axes")
    strides, dilations = (
        tuple(node.attributes.get_ints(name, [1, 1])) for name in ("strides", "dilations")
    )
    return WindowGeometry(
        (kernel[0], kernel[1]), (strides[0], strides[1]), (dilations[0], dilations[1])
    )


def padding_of(node: ir.Node, geometry: WindowGeometry, size: Sequence[int]) -> Sides:
    """Return the padding of a window in pixels, from `pads`, `auto_pad` or `output_shape`.

    Args:
        node: a convolution or pooling.
        geometry: its window.
        size: height and width of the input.

    Returns:
        Top, left, bottom, right. For a ConvTranspose, pixels to crop from its result; negative ones
        extend it.
    """
    pads = padding_in(node.op_type, attributes_of(node), geometry.kernel, size)
    assert pads is not None, "its size is known"
    return pads[0], pads[1], pads[2], pads[3]


def convolution(node: ir.Node, inputs: Inputs) -> Tensor:
    """Compute Conv of (N, C_in, H, W), with weights (C_out, C_in / groups, kernel …).

    `inputs` are image, weights and, optionally, bias (C_out,). Equal to ONNX Runtime's up to
    float32 rounding.

    Returns:
        (N, C_out, H', W'), float32.

    Raises:
        NotCoveredError: the kernel does not have two axes, or an input is absent.
    """
    source, weight = given(inputs, 0), given(inputs, 1)
    geometry = geometry_of(node, weight.shape[2:])
    top, left, bottom, right = padding_of(node, geometry, source.shape[2:])
    padding = (top, left)
    if (top, left) != (bottom, right) or min(top, left) < 0:
        source, padding = padded(source, (left, right, top, bottom), 0.0), (0, 0)
    return F.conv2d(
        source,
        weight,
        optional(inputs, 2),
        stride=geometry.strides,
        padding=padding,
        dilation=geometry.dilations,
        groups=node.attributes.get_int("group", 1),
    )


def transposed_convolution(node: ir.Node, inputs: Inputs) -> Tensor:
    """Compute ConvTranspose of (N, C_in, H, W), with weights (C_in, C_out / groups, kernel …).

    `inputs` are image, weights and, optionally, bias (C_out,). The full result is cropped by ONNX's
    padding. Where that extends it, as output padding may, added pixels have the value of the bias.
    Equal to ONNX Runtime's up to float32 rounding.

    Returns:
        (N, C_out, H', W'), float32.

    Raises:
        NotCoveredError: the kernel does not have two axes, or an input is absent.
    """
    source, weight, bias = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    geometry = geometry_of(node, weight.shape[2:])
    top, left, bottom, right = padding_of(node, geometry, source.shape[2:])
    extra = node.attributes.get_ints("output_padding", [0, 0])
    low, last = bottom - extra[0], right - extra[1]
    added = (max(top - low, 0), max(left - last, 0))
    most = [max(pair) for pair in zip(geometry.strides, geometry.dilations, strict=True)]
    fits = min(top, left) >= 0 and added[0] < most[0] and added[1] < most[1]
    image = F.conv_transpose2d(
        source,
        weight,
        bias if fits else None,
        stride=geometry.strides,
        padding=(top, left) if fits else 0,
        output_padding=added if fits else 0,
        dilation=geometry.dilations,
        groups=node.attributes.get_int("group", 1),
    )
    if fits:
        return cropped(image, (0, max(last - left, 0), 0, max(low - top, 0)))
    image = padded(image, (-left, -last, -top, -low), 0.0)
    return image if bias is None else image + bias[:, None, None]


def padded(image: Tensor, sides: Sequence[int], value: float) -> Tensor:
    """Pad a tensor with a constant; negative padding crops. Exact.

    Args:
        image: tensor with any number of axes.
        sides: numbers of elements to add before and after each axis, last axis first, as in
            torch's `pad`; axes that are not listed are kept.
        value: value of the added elements.
    """
    image = cropped(image, [max(-side, 0) for side in sides])
    more = [max(side, 0) for side in sides]
    return F.pad(image, more, value=value) if any(more) else image


def cropped(image: Tensor, sides: Sequence[int]) -> Tensor:
    """Return a view of a tensor without some elements at the start and end of each axis.

    Args:
        image: tensor with any number of axes.
        sides: numbers of elements to remove before and after each axis, last axis first, not
            negative; axes that are not listed are kept.
    """
    for index in range(0, len(sides), 2):
        axis, (before, after) = image.ndim - 1 - index // 2, sides[index : index + 2]
        if before or after:
            image = image.narrow(axis, before, image.shape[axis] - before - after)
    return image


def max_pool(node: ir.Node, inputs: Inputs) -> Tensor:
    """Compute MaxPool of (N, C, H, W), with padding of −∞, which is never the maximum. Exact.

    `inputs` holds the image alone. `ceil_mode` and `auto_pad` are applied as ONNX defines them.

    Returns:
        (N, C, H', W'), float32.

    Raises:
        NotCoveredError: the node has a second output, or the kernel does not have two axes.
    """
    if len(node.outputs) > 1:
        raise uncovered(node, "its second output, the places of the maxima")
    source = given(inputs, 0)
    geometry = geometry_of(node, node.attributes.get_ints("kernel_shape"))
    pads, overhang = _pooling(node, geometry, source.shape[2:])
    if any(pads) or any(overhang):
        source = F.pad(source, _sides(pads, overhang), value=-torch.inf)
    return F.max_pool2d(source, geometry.kernel, geometry.strides, dilation=geometry.dilations)


def average_pool(node: ir.Node, inputs: Inputs) -> Tensor:
    """Compute AveragePool of (N, C, H, W); float32 rounding may differ from ONNX Runtime's.

    `inputs` holds the image alone. Padding counts as zeros with `count_include_pad`; positions that
    `ceil_mode` adds beyond it never count.

    Returns:
        (N, C, H', W'), float32.

    Raises:
        NotCoveredError: the kernel does not have two axes.
    """
    source = given(inputs, 0)
    geometry = geometry_of(node, node.attributes.get_ints("kernel_shape"))
    pads, overhang = _pooling(node, geometry, source.shape[2:])
    plain = set(geometry.dilations) == {1}
    if plain and not any(pads) and not any(overhang):
        return F.avg_pool2d(source, geometry.kernel, geometry.strides)
    counted = torch.ones(1, 1, *source.shape[2:])
    if node.attributes.get_int("count_include_pad", 0):
        counted = F.pad(counted, _sides(pads, (0, 0)), value=1.0)
        counted = F.pad(counted, (0, overhang[1], 0, overhang[0]))
    else:
        counted = F.pad(counted, _sides(pads, overhang))
    total = _sums(F.pad(source, _sides(pads, overhang)), geometry)
    return total / _sums(counted, geometry)


def _sums(image: Tensor, geometry: WindowGeometry) -> Tensor:
    """Sum all windows of each channel, (N, C, H, W)."""
    channels = image.shape[1]
    ones = torch.ones(channels, 1, *geometry.kernel)
    return F.conv2d(
        image, ones, stride=geometry.strides, dilation=geometry.dilations, groups=channels
    )


def _sides(pads: Sides, overhang: Sequence[int]) -> tuple[int, int, int, int]:
    """Convert padding to torch's order: left, right, top, bottom."""
    top, left, bottom, right = pads
    return left, right + overhang[1], top, bottom + overhang[0]


def _pooling(
    node: ir.Node, geometry: WindowGeometry, size: Sequence[int]
) -> tuple[Sides, tuple[int, int]]:
    """Return the padding of a pooling, and how far `ceil_mode` extends bottom and right."""
    pads = padding_of(node, geometry, size)
    if not node.attributes.get_int("ceil_mode", 0):
        return pads, (0, 0)
    overhang = []
    for axis in (0, 1):
        stride, before = geometry.strides[axis], pads[axis]
        room = size[axis] + before + pads[axis + 2]
        count = -(-(room - geometry.spans[axis]) // stride) + 1
        # No window starts beyond the image.
        count -= (count - 1) * stride >= size[axis] + before
        overhang.append(max((count - 1) * stride + geometry.spans[axis] - room, 0))
    return pads, (overhang[0], overhang[1])


def pad(node: ir.Node, inputs: Inputs) -> Tensor:
    """Compute Pad of a tensor of any rank, in every mode of ONNX: constant, edge, reflect, wrap.

    `inputs` are those of ONNX: the tensor, pads, value and axes. Negative padding crops. Exact.

    Raises:
        NotCoveredError: the tensor is absent.
    """
    source, listed = given(inputs, 0), integers(inputs, 1) or []
    axes = integers(inputs, 3) or list(range(source.ndim))
    sides = {axis % source.ndim: (listed[i], listed[i + len(axes)]) for i, axis in enumerate(axes)}
    mode = node.attributes.get_string("mode", "constant")
    if mode == "constant":
        value = optional(inputs, 2)
        order = [
            length for axis in reversed(range(source.ndim)) for length in sides.get(axis, (0, 0))
        ]
        return padded(source, order, 0.0 if value is None else np.asarray(value).item())
    for axis, (before, after) in sides.items():
        if before or after:
            runs = _runs(source.shape[axis], before, after, mode)
            source = torch.cat([source.narrow(axis, start, count) for start, count in runs], axis)
    return source


def _runs(length: int, before: int, after: int, mode: str) -> list[tuple[int, int]]:
    """List start and length of the contiguous runs of rows that make up a padded axis.

    Negative padding removes rows.
    """
    rows = np.arange(length)[max(-before, 0) : length - max(-after, 0)]
    rows = np.pad(rows, (max(before, 0), max(after, 0)), mode=mode)  # type: ignore[call-overload]
    pieces = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return [(int(piece[0]), len(piece)) for piece in pieces]
