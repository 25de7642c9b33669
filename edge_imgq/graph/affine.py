"""Affine maps per channel of an image: y = a·x + b with constant a and b."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.linear_map import ConvGeometry, LinearMap, insert_linear_map, linear_map_of
from edge_imgq.graph.operators import AFFINE

LANES = 16
"""Channels that a depthwise kernel computes at once (XNNPACK's f32-dwconv and qs8-dwconv). On an
image of 3 channels, MUL and ADD are a fifth faster, because they run over contiguous numbers.
"""


@dataclass(frozen=True)
class Affine:
    """The map y = scale · x + offset of each channel of an image (N, C, H, W).

    Attributes:
        scale: factor of each channel, (C,), float64.
        offset: offset of each channel, (C,), float64.
    """

    scale: Any
    offset: Any

    @property
    def is_uniform(self) -> bool:
        """True if all channels have equal factors and equal offsets."""
        return bool(np.ptp(self.scale) == 0 and np.ptp(self.offset) == 0)

    @property
    def is_increasing(self) -> bool:
        """True if every factor is positive."""
        return bool(np.all(self.scale > 0))

    @property
    def is_pure_scale(self) -> bool:
        """True if every offset is zero."""
        return not np.any(self.offset)

    def then(self, other: Affine) -> Affine:
        """Return the composition, this affine first: scale a₁·a₂ and offset b₁·a₂ + b₂ per channel.

        Both must have the same number of channels. Computed in float64.
        """
        return Affine(self.scale * other.scale, self.offset * other.scale + other.offset)

    def without_offset(self) -> Affine:
        """Return the affine with the same factors and zero offsets."""
        return Affine(self.scale, np.zeros_like(self.offset))

    def select(self, channels: Any) -> Affine:
        """Return an affine whose channel i is channel `channels[i]` of this one.

        `channels` holds indices from 0, in any order; they may repeat.
        """
        return Affine(self.scale[channels], self.offset[channels])

    def broadcast(self, channels: int) -> Affine | None:
        """Return the same map for an image of `channels` channels, or None if there is none.

        An affine of as many channels is returned itself; one of another number repeats its factor
        and offset if it is uniform, and gives None if it is not.
        """
        if channels == len(self.scale):
            return self
        return self.select(np.zeros(channels, int)) if self.is_uniform else None


def affine_of(node: ir.Node) -> tuple[ir.Value, Affine] | None:
    """Return the input of an affine node and its affine (float64), or None for any other node.

    Covers Add, Sub, Mul and Div with one constant per channel or one number, Neg, and
    depthwise 1×1 convolutions, on images (N, C, H, W) of known C. Constants of other shapes than
    (1, C, 1, 1), or one that broadcasts like it, give None, as do a quotient of a constant by the
    image and a divisor that holds 0.
    """
    if node.op_type == "Conv":
        return _convolved(node)
    if node.op_type == "Neg":
        return _counted(node.inputs[0], -1.0, 0.0)
    if node.op_type not in AFFINE:
        return None
    first, second = node.inputs
    if edit.is_constant(second) and not edit.is_constant(first):
        return _with_constant(node.op_type, first, edit.contents(second))
    if edit.is_constant(first) and not edit.is_constant(second) and node.op_type != "Div":
        kind = "From" if node.op_type == "Sub" else node.op_type
        return _with_constant(kind, second, edit.contents(first))
    return None


def _with_constant(
    kind: str, source: ir.Value | None, constant: Any
) -> tuple[ir.Value, Affine] | None:
    values: Any = constant.astype(np.float64)
    if kind == "Mul":
        return _counted(source, values, 0.0)
    if kind == "Div":
        return _counted(source, 1 / values, 0.0) if np.all(values) else None
    if kind == "From":
        return _counted(source, -1.0, values)
    return _counted(source, 1.0, values if kind == "Add" else -values)


def _counted(source: ir.Value | None, scale: Any, offset: Any) -> tuple[ir.Value, Affine] | None:
    """Return the affine with one number per channel, or None for constants of other shapes."""
    if source is None or source.shape is None or len(source.shape) != 4:
        return None
    channels = source.shape[1]
    if not isinstance(channels, int):
        return None
    vectors = [_per_channel(np.asarray(values, np.float64), channels) for values in (scale, offset)]
    if vectors[0] is None or vectors[1] is None:
        return None
    return source, Affine(*vectors)


def _per_channel(values: Any, channels: int) -> Any:
    shape = (1,) * (4 - values.ndim) + values.shape
    if len(shape) != 4 or shape[1] not in (1, channels) or shape != (1, shape[1], 1, 1):
        return None
    return np.broadcast_to(values.reshape(-1), (channels,))


def _convolved(node: ir.Node) -> tuple[ir.Value, Affine] | None:
    weight = node.inputs[1]
    if weight is None or weight.shape is None or tuple(weight.shape)[1:] != (1, 1, 1):
        return None
    window = linear_map_of(node)
    if window is None or not window.geometry.is_diagonal or node.inputs[0] is None:
        return None
    return node.inputs[0], Affine(window.kernel.reshape(-1), window.bias)


def operators_for(affine: Affine) -> int:
    """Return the number of nodes that `insert_affine` writes for an affine.

    It is 1 for factors or offsets alone, and for 16 (LANES) or more channels; else 2.
    """
    is_either = affine.is_pure_scale or bool(np.all(affine.scale == 1))
    return 1 if is_either or len(affine.scale) >= LANES else 2


def insert_affine(
    graph: ir.Graph, before: ir.Node, source: ir.Value, affine: Affine, name: str
) -> ir.Value:
    """Insert an affine before a node and return its output.

    A pure factor is written as Mul and a pure offset as Add. Both together are a depthwise 1×1
    convolution for 16 (LANES) or more channels, else a Mul and an Add. Constants are rounded to
    float32.

    Args:
        graph: edited in place.
        before: node before which to insert.
        source: input, (N, C, H, W); the output has its shape.
        affine: factors and offsets of C channels.
        name: name of the last node and its output; a number is appended if it is taken.
    """
    if operators_for(affine) == 2:
        scaled = _insert_one(graph, before, source, affine.without_offset(), f"{name}.scale")
        shift = Affine(np.ones_like(affine.scale), affine.offset)
        return _insert_one(graph, before, scaled, shift, name)
    return _insert_one(graph, before, source, affine, name)


def _insert_one(
    graph: ir.Graph, before: ir.Node, source: ir.Value, affine: Affine, name: str
) -> ir.Value:
    is_scale, is_shift = affine.is_pure_scale, bool(np.all(affine.scale == 1))
    if is_scale or is_shift:
        kind, values = ("Mul", affine.scale) if is_scale else ("Add", affine.offset)
        shape = () if affine.is_uniform else (1, -1, 1, 1)
        array = (values[:1] if affine.is_uniform else values).reshape(shape).astype(np.float32)
        constant = edit.add_constant(graph, f"{name}.{kind.lower()}", array)
        result = edit.insert_node(graph, before, kind, [source, constant], {}, name)
    else:
        channels = len(affine.scale)
        kernel = affine.scale.reshape(-1, 1, 1, 1)
        geometry = ConvGeometry(channels, channels, group=channels)
        window = LinearMap(geometry, kernel, affine.offset)
        result = insert_linear_map(graph, before, source, window, name)
    result.shape = source.shape
    return result


def scale_inputs(node: ir.Node, affine: Affine) -> None:
    """Fold an affine of its input into a convolution's constant weights and bias, in place.

    W*(a·x + b) + c = (W·a)*x + (ΣW·b + c). Exact in real numbers if b is 0 or the convolution has
    no zero padding; the caller checks that. The node is a Conv of any groups, with an affine of one
    number per input channel. The results become float32 constants; a bias is added if it is needed.

    Raises:
        ValueError: the weights or the bias are computed.
    """
    kernel = edit.contents(node.inputs[1])
    group = node.attributes.get_int("group", 1)
    shape = (group, len(kernel) // group, *kernel.shape[1:])
    grouped = kernel.astype(np.float64).reshape(shape)
    if not affine.is_pure_scale:
        offset = affine.offset.reshape(group, 1, -1, *(1,) * (kernel.ndim - 2))
        added = (grouped * offset).sum(axis=tuple(range(2, len(shape)))).reshape(-1)
        before = edit.bias_of(node)
        edit.set_bias(node, added if before is None else before + added, "shifted")
    scale = affine.scale.reshape(group, 1, -1, *(1,) * (kernel.ndim - 2))
    edit.replace_input(node, 1, (grouped * scale).reshape(kernel.shape), "scaled")


def scale_bounds(clip: ir.Node, affine: Affine) -> None:
    """Replace the constant bounds l and h of a Clip by a·l + b and a·h + b, in place.

    The affine must be uniform with a > 0, so that the lower bound stays the lower one. A bound that
    is absent stays absent. New bounds are rounded to float32. Other nodes that read the same bound
    keep the old one.

    Raises:
        ValueError: a bound is computed.
    """
    for index, value in enumerate(clip.inputs[1:], 1):
        if value is not None:
            bound = edit.contents(value) * affine.scale[0] + affine.offset[0]
            edit.replace_input(clip, index, bound, "scaled")
