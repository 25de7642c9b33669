"""Algebra of convolutions as linear maps of an image: composition and sum.

A window computes, in one dimension, with padding p at the beginning,

    y[n] = Σ_t K[t] · x[s·n + t − p] + b,        x = 0 outside of the image.

**Composition.** With A before B and u the image between them,

    y[n] = Σ_v B[v] · u[s_B·n + v − p_B]
         = Σ_v Σ_t B[v]·A[t] · x[s_A·s_B·n + (s_A·v + t) − (s_A·p_B + p_A)],

one window with taps at s_A·v + t, stride s_A·s_B and padding s_A·p_B + p_A. B reads zeros outside
of u, where the composed window yields Σ A·x + a. So the composition is exact if B has no padding
(p_B = 0), or if A is zero outside: a 1×1 kernel without bias, padding and stride.

**Sum.** Windows of equal stride and output size are added tap by tap, each kernel aligned at the
common position s·n. They all read the same zeros outside.

Ding et al., "RepVGG", CVPR 2021; Bhardwaj et al., "Collapsible linear blocks", MLSys 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import convolution_of

Pair = tuple[int, int]


@dataclass(frozen=True)
class ConvGeometry:
    """The geometry of a convolution, without its weights.

    Attributes:
        outputs: output channels.
        inputs: input channels of all groups.
        taps: height and width of the kernel, without dilation.
        group: number of channel groups.
        stride: along height and width.
        before: zero padding at the top and left, in pixels.
        after: zero padding at the bottom and right, in pixels.
    """

    outputs: int
    inputs: int
    taps: Pair = (1, 1)
    group: int = 1
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    after: Pair = (0, 0)

    @property
    def products(self) -> int:
        """Multiplications per output position of one image, all output channels together."""
        return self.outputs * (self.inputs // self.group) * self.taps[0] * self.taps[1]

    @property
    def last(self) -> Pair:
        """Row and column of the last tap, relative to input position stride · n of output n."""
        return self.taps[0] - 1 - self.before[0], self.taps[1] - 1 - self.before[1]

    @property
    def surplus(self) -> Pair:
        """Rows and columns of padding beyond the last tap at the bottom and right; may be negative.

        Windows of one image with equal stride and surplus have outputs of equal size.
        """
        return self.after[0] - self.last[0], self.after[1] - self.last[1]

    @property
    def is_diagonal(self) -> bool:
        """True for a depthwise 1×1 window of stride 1 without padding."""
        alone = self.group == self.outputs == self.inputs
        return alone and self.taps == self.stride == (1, 1) and not self.is_padded

    @property
    def is_padded(self) -> bool:
        """True if any side has zero padding."""
        return any((*self.before, *self.after))


@dataclass(frozen=True)
class LinearMap:
    """A convolution with its weights.

    Attributes:
        geometry: channels, taps, stride and padding.
        kernel: (outputs, inputs / group, height, width), float64.
        bias: (outputs,), float64.
    """

    geometry: ConvGeometry
    kernel: Any
    bias: Any


def identity(channels: int) -> LinearMap:
    """Return the depthwise 1×1 convolution that is the identity on images of `channels` channels.

    Its kernel is ones (channels, 1, 1, 1), its bias zeros (channels,), both float64.
    """
    geometry = ConvGeometry(channels, channels, group=channels)
    return LinearMap(geometry, np.ones((channels, 1, 1, 1)), np.zeros(channels))


def linear_map_of(node: ir.Node) -> LinearMap | None:
    """Return the linear map of an undilated Conv with constant weights and known pads, else None.

    Weights and bias are converted to float64; an absent bias becomes zeros.
    """
    convolution = convolution_of(node)
    if (
        convolution is None
        or convolution.is_transposed
        or convolution.dilations != (1, 1)
        or convolution.pads is None
    ):
        return None
    kernel = convolution.weight
    bias = np.zeros(len(kernel)) if convolution.bias is None else convolution.bias
    geometry = ConvGeometry(
        len(kernel), kernel.shape[1] * convolution.group, kernel.shape[2:], convolution.group,
        convolution.strides, convolution.pads[:2], convolution.pads[2:],
    )  # fmt: skip
    return LinearMap(geometry, kernel.astype(np.float64), bias.astype(np.float64))


def insert_linear_map(
    graph: ir.Graph, before: ir.Node, source: ir.Value, window: LinearMap, name: str
) -> ir.Value:
    """Insert a linear map as a Conv before a node and return its output.

    Kernel and bias are rounded to float32; a bias of zeros is left out. The shape of the output is
    not set.

    Args:
        graph: edited in place.
        before: node before which to insert.
        source: input, (N, C, H, W).
        window: convolution to write.
        name: name of the node and prefix of its constants' names.
    """
    weight = edit.add_constant(graph, f"{name}.weight", window.kernel.astype(np.float32))
    inputs: list[ir.Value | None] = [source, weight]
    if np.any(window.bias):
        bias = window.bias.astype(np.float32)
        inputs.append(edit.add_constant(graph, f"{name}.bias", bias))
    geometry = window.geometry
    attributes = {
        "kernel_shape": list(geometry.taps),
        "strides": list(geometry.stride),
        "pads": [*geometry.before, *geometry.after],
        "group": geometry.group,
    }
    return edit.insert_node(graph, before, "Conv", inputs, attributes, name)


def can_follow(first: LinearMap, second: ConvGeometry) -> bool:
    """Return True if one convolution computes what `second` after `first` does, borders included.

    That holds in real numbers without zero padding in `second`, or if `first` is 1×1 of stride 1
    without bias and padding. False if the channels between them do not agree.
    """
    geometry = first.geometry
    if geometry.outputs != second.inputs:
        return False
    if not second.is_padded:
        return True
    plain = geometry.taps == geometry.stride == (1, 1) and not geometry.is_padded
    return plain and not np.any(first.bias)


def composed_geometry(first: ConvGeometry, second: ConvGeometry) -> ConvGeometry:
    """Return the geometry of the one convolution that equals `second` after `first`.

    The caller checks with `can_follow` that there is one. Groups that do not match become fewer:
    their greatest common divisor.
    """
    rows, columns = (
        (
            stride * (second.taps[axis] - 1) + first.taps[axis],
            stride * second.stride[axis],
            first.before[axis] + stride * second.before[axis],
            first.after[axis] + stride * second.after[axis],
        )
        for axis, stride in enumerate(first.stride)
    )
    taps, stride, before, after = zip(rows, columns, strict=True)
    group = gcd(first.group, second.group)
    return ConvGeometry(second.outputs, first.inputs, taps, group, stride, before, after)


def compose(first: LinearMap, second: LinearMap) -> LinearMap:
    """Return the one convolution that equals `second` after `first`; `can_follow` must hold.

    Exact in real numbers, at the image borders too; kernels and biases are multiplied in float64.
    """
    geometry = composed_geometry(first.geometry, second.geometry)
    group, stride, taps = geometry.group, first.geometry.stride, first.geometry.taps
    a, b = _regrouped(first, group), _regrouped(second, group)
    left = b.reshape(group, len(b) // group, len(a) // group, *b.shape[2:])
    right = a.reshape(group, len(a) // group, -1)
    joint = np.zeros((group, len(b) // group, a.shape[1], *geometry.taps))
    for row, column in np.ndindex(*second.geometry.taps):
        y, x = row * stride[0], column * stride[1]
        product = (left[..., row, column] @ right).reshape(*joint.shape[:3], *taps)
        joint[..., y : y + taps[0], x : x + taps[1]] += product
    carried = left.sum(axis=(3, 4)) @ first.bias.reshape(group, -1, 1)
    bias = second.bias + carried.reshape(-1)
    return LinearMap(geometry, joint.reshape(-1, *joint.shape[2:]), bias)


def can_add(one: ConvGeometry, other: ConvGeometry) -> bool:
    """Return True if the sum of two convolutions of one image is one convolution.

    They must have equal input and output channels, strides and output sizes; kernels, padding and
    groups may differ.
    """
    same_channels = (one.outputs, one.inputs) == (other.outputs, other.inputs)
    return same_channels and (one.stride, one.surplus) == (other.stride, other.surplus)


def bounding_box(geometries: Sequence[ConvGeometry]) -> ConvGeometry:
    """Return the geometry of the sum of convolutions; `can_add` must hold for every pair.

    Its kernel is the smallest that covers all kernels when each is aligned at input position
    stride · n of output n. Its group is the greatest common divisor of theirs.
    """
    first = geometries[0]
    before = (
        max(geometry.before[0] for geometry in geometries),
        max(geometry.before[1] for geometry in geometries),
    )
    last = (
        max(geometry.last[0] for geometry in geometries),
        max(geometry.last[1] for geometry in geometries),
    )
    taps = before[0] + last[0] + 1, before[1] + last[1] + 1
    after = last[0] + first.surplus[0], last[1] + first.surplus[1]
    group = gcd(*(geometry.group for geometry in geometries))
    return ConvGeometry(first.outputs, first.inputs, taps, group, first.stride, before, after)


def add_maps(windows: Sequence[LinearMap]) -> LinearMap:
    """Return the one convolution that sums several; `can_add` must hold for every pair.

    All read one image. Exact in real numbers; taps are added in float64.
    """
    geometry = bounding_box([window.geometry for window in windows])
    shape = (geometry.outputs, geometry.inputs // geometry.group, *geometry.taps)
    total = np.zeros(shape)
    for window in windows:
        own = window.geometry
        y, x = geometry.before[0] - own.before[0], geometry.before[1] - own.before[1]
        target = total[:, :, y : y + own.taps[0], x : x + own.taps[1]]
        target += _regrouped(window, geometry.group)
    return LinearMap(geometry, total, np.sum([window.bias for window in windows], axis=0))


def scaled(window: LinearMap, factor: float) -> LinearMap:
    """Return a linear map with kernel and bias multiplied by `factor`, in float64."""
    return replace(window, kernel=window.kernel * factor, bias=window.bias * factor)


def _regrouped(window: LinearMap, group: int) -> Any:
    """Return the kernel in fewer, larger groups: block diagonal, zeros elsewhere."""
    geometry = window.geometry
    if group == geometry.group:
        return window.kernel
    inner = geometry.group // group
    outputs, inputs = geometry.outputs // geometry.group, window.kernel.shape[1]
    blocks = window.kernel.reshape(group, inner, outputs, inputs, *geometry.taps)
    wide = np.zeros((group, inner, outputs, inner, inputs, *geometry.taps))
    for index in range(inner):
        wide[:, index, :, index] = blocks[:, index]
    return wide.reshape(geometry.outputs, inner * inputs, *geometry.taps)
