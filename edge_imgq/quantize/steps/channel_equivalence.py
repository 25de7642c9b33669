"""Find channels that must be scaled and copied together, and scale and copy them.

Between the convolution that writes a channel and those that read it, the channel can have any gain
e > 0 and exist n times:

    v = e · relu(W·u + b) = relu(e·W·u + e·b),      V·relu(…) = Σ over n copies of V/(n·e) · v.

Exact in real numbers; n = 0 removes a channel, which is exact if it is always zero. Operators in
between must be positively homogeneous and work on each channel alone (ReLU, pooling, zero padding,
resizing), join channels that then share a gain (the addition of a residual), or concatenate
channels. A channel of the image, or one that a constant or any other operator touches, keeps gain 1
and one copy; one that a grouped convolution touches keeps one copy. A per-channel factor in a float
region (`edge_imgq.quantize.prepare.float_region_gains`) acts as a layer: its input and its output
have independent gains and one copy.

Gains: Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", ICCV
2019. Copies: Zhao et al., "Improving Neural Network Quantization without Retraining using Outlier
Channel Splitting", ICML 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import RECTIFIER, clip_bounds
from edge_imgq.graph.operators import WEIGHT_AXIS, operators
from edge_imgq.quantize.prepare.float_region_gains import is_factor
from edge_imgq.quantize.ranges.ranges import ChannelRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELWISE = operators(
    lambda row: row.homogeneous and (row.pools or row.elementwise) and not row.broadcasts
)
"""Operators that are homogeneous per channel, whatever their attributes."""

JOINING = operators(lambda row: row.homogeneous and row.broadcasts)
"""Operators whose operands must have the same gains."""


@dataclass(frozen=True)
class Channels:
    """Equivalence classes of the channels of a graph.

    Attributes:
        of: class of each channel, int (channels,), of every value (N, C, H, W).
        count: number of classes.
        scalable: bool (count,), whether a class may have a gain other than 1.
        copyable: bool (count,), whether a class may have a number of copies other than 1.
    """

    of: dict[ir.Value, NDArray[np.intp]]
    count: int
    scalable: NDArray[np.bool_]
    copyable: NDArray[np.bool_]


@dataclass(frozen=True)
class GainAndSplit:
    """A gain and a number of copies for each class of channels.

    Attributes:
        gain: e, float64 (count,), positive: value of a copy relative to the channel.
        copies: n, int (count,); 0 if the channel is removed.
    """

    gain: NDArray[np.float64]
    copies: NDArray[np.intp]


def find_channels(graph: ir.Graph) -> Channels:
    """Partition the channels of a float graph into classes that must be scaled or copied alike.

    Two channels are in one class if an operator combines them element by element. Values of unknown
    channel count are left out.
    """
    joined = _Joined()
    for value in _images(graph):
        joined.add(value)
    for value in [*graph.inputs, *graph.outputs]:
        joined.freeze(value)
    for node in graph:
        _visit(node, joined)
    return joined.result()


def apply_gains_and_copies(graph: ir.Graph, channels: Channels, scaling: GainAndSplit) -> None:
    """Multiply the channels of a graph by gains and repeat each n times, in place.

    Layers that read them get weights divided by n · gain: exact in real numbers, unless a channel
    is removed (n = 0). Copies are adjacent, in the channels' order. `channels` are those of this
    graph before; after copying, find them again.
    """
    for node in list(graph):
        if node.op_type in WEIGHT_AXIS and _is_constant_layer(node):
            _rewrite(graph, node, channels, scaling)
        elif is_factor(node):
            _rescale(node, channels, scaling)
    for value, classes in channels.of.items():
        assert value.shape is not None
        total = int(scaling.copies[classes].sum())
        value.shape = ir.Shape([value.shape[0], total, *value.shape[2:]])


def ranges_with_gains_and_copies(
    observed: Mapping[str, ChannelRange], channels: Channels, scaling: GainAndSplit
) -> dict[str, ChannelRange]:
    """Compute the ranges of activations after `apply_gains_and_copies`.

    Args:
        observed: ranges before, by name; per-tensor ranges are unchanged.
        channels: channel classes of the graph.
        scaling: gains and copies of the classes.
    """
    ranges = dict(observed)
    for value, classes in channels.of.items():
        name = value.name or ""
        if name in ranges and ranges[name].low.ndim:
            ranges[name] = ranges[name].scaled_and_repeated(
                scaling.gain[classes], scaling.copies[classes]
            )
    return ranges


def _rewrite(graph: ir.Graph, node: ir.Node, channels: Channels, scaling: GainAndSplit) -> None:
    source, weight = node.inputs[0], node.inputs[1]
    assert source is not None
    assert weight is not None
    read, written = channels.of.get(source), channels.of.get(node.outputs[0])
    if read is None or written is None:
        return
    if not (_changes(read, scaling) or _changes(written, scaling)):
        return
    out_axis = WEIGHT_AXIS[node.op_type]
    array = edit.contents(weight).astype(np.float64)
    array = _written(array, out_axis, written, scaling, node)
    array = _read(array, 1 - out_axis, read, scaling, node).astype(np.float32)
    node.replace_input_with(1, edit.add_constant(graph, f"{weight.name}.spread", array))
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is not None:
        values = _repeated(edit.contents(bias) * scaling.gain[written], 0, written, scaling)
        named = edit.add_constant(graph, f"{bias.name}.spread", values.astype(np.float32))
        node.replace_input_with(2, named)


def _rescale(node: ir.Node, channels: Channels, scaling: GainAndSplit) -> None:
    """Multiply a factor by the gain of its output and divide it by that of its input."""
    read, written = (channels.of[v] for v in (node.inputs[0], node.outputs[0]) if v is not None)
    factor = edit.contents(node.inputs[1]).astype(np.float64).reshape(-1)
    factor *= scaling.gain[written] / scaling.gain[read]
    edit.replace_input(node, 1, factor.reshape(1, -1, 1, 1), "spread")


def _changes(classes: NDArray[np.intp], scaling: GainAndSplit) -> bool:
    return bool((scaling.gain[classes] != 1).any() or (scaling.copies[classes] != 1).any())


def _repeated(array: Any, axis: int, classes: NDArray[np.intp], scaling: GainAndSplit) -> Any:
    return np.repeat(array, scaling.copies[classes], axis=axis)


def _written(
    weight: Any, axis: int, classes: NDArray[np.intp], scaling: GainAndSplit, node: ir.Node
) -> Any:
    """Scale and repeat the output channels of a weight."""
    if _groups(node) > 1 and axis == 1:
        raise ValueError(f"grouped transposed convolution '{node.name}' must not be scaled")
    gain = scaling.gain[classes].reshape([-1 if i == axis else 1 for i in range(weight.ndim)])
    return _repeated(weight * gain, axis, classes, scaling)


def _read(
    weight: Any, axis: int, classes: NDArray[np.intp], scaling: GainAndSplit, node: ir.Node
) -> Any:
    """Divide the input channels of a weight by gains and copies, and repeat them."""
    undone = 1 / (scaling.gain * np.maximum(scaling.copies, 1))[classes]
    groups = _groups(node)
    if groups == 1:
        shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
        return _repeated(weight * undone.reshape(shape), axis, classes, scaling)
    by_group = undone.reshape(groups, 1, -1)
    outputs = np.repeat(by_group, weight.shape[0] // groups, axis=1)
    return weight * outputs.reshape(weight.shape[0], -1, 1, 1)


def _groups(node: ir.Node) -> int:
    return node.attributes.get_int("group", 1)


def _is_constant_layer(node: ir.Node) -> bool:
    return all(edit.is_constant(value) for value in node.inputs[1:] if value is not None)


def _images(graph: ir.Graph) -> list[ir.Value]:
    """List the non-boolean 4-D values with a known number of channels."""
    values = [value for value in graph.inputs if not value.is_initializer()]
    values += [value for node in graph for value in node.outputs]
    return [
        value
        for value in values
        if value.shape is not None and len(value.shape) == 4 and isinstance(value.shape[1], int)
        if value.dtype is not ir.DataType.BOOL
    ]


def _visit(node: ir.Node, joined: _Joined) -> None:
    """Join, limit or freeze the channels that a node touches."""
    output = node.outputs[0]
    sources = [value for value in node.inputs if value is not None]
    known = all(joined.knows(value) for value in (sources[0], output)) if sources else False
    if node.op_type in WEIGHT_AXIS and _is_constant_layer(node):
        if not known:
            # `apply_gains_and_copies` skips a layer unless both its input and its output are known.
            joined.freeze(sources[0])
            joined.freeze(output)
        if _groups(node) > 1:
            joined.keep_single(sources[0])
            joined.keep_single(output)
            if node.op_type == "ConvTranspose":
                joined.freeze(output)
        return
    if known and is_factor(node):
        joined.keep_single(sources[0])
        joined.keep_single(output)
        return
    if known and not is_marked(node) and _joins(node, sources, joined):
        return
    for value in [*sources, *node.outputs]:
        joined.freeze(value)


def _joins(node: ir.Node, sources: list[ir.Value], joined: _Joined) -> bool:
    """Join the channels that a node relates; return False if it is of another kind."""
    output = node.outputs[0]
    if _is_channelwise(node):
        joined.join(sources[0], output)
    elif _is_prelu(node):
        joined.join(sources[0], output)
        joined.keep_single(output)  # copies would need repeated slopes
    elif node.op_type in JOINING and all(joined.knows(value) for value in sources):
        for source in sources:
            joined.join(source, output)
    elif node.op_type == "Concat" and node.attributes.get_int("axis", 0) in (1, -3):
        joined.concatenate(sources, output)
    else:
        return False
    return True


def _is_channelwise(node: ir.Node) -> bool:
    if node.op_type in CHANNELWISE:
        return len(node.outputs) == 1
    if node.op_type == "Clip":
        return clip_bounds(node) == RECTIFIER
    constants = [edit.contents(v) if edit.is_constant(v) else None for v in node.inputs[1:]]
    if node.op_type == "Pad":
        pads = constants[0]
        fill = constants[1] if len(constants) > 1 else None
        plain = pads is not None and pads.size == 8 and not pads[[0, 1, 4, 5]].any()
        return bool(plain and (fill is None or not np.any(fill)))
    if node.op_type == "Resize":
        scales = constants[1] if len(constants) > 1 else None
        return scales is not None and scales.size == 4 and bool((scales[:2] == 1).all())
    return False


def _is_prelu(node: ir.Node) -> bool:
    """Return True if a node is a PReLU with one slope per channel or one in all."""
    if node.op_type != "PRelu" or not edit.is_constant(node.inputs[1]):
        return False
    slopes = edit.contents(node.inputs[1])
    return bool(slopes.size == 1 or (slopes.ndim >= 3 and slopes.shape[-3] == slopes.size))


class _Joined:
    """Disjoint sets of channels, with flags for frozen and single ones."""

    def __init__(self) -> None:
        self._first: dict[ir.Value, int] = {}
        self._parent: list[int] = []
        self._frozen: set[int] = set()
        self._single: set[int] = set()

    def add(self, value: ir.Value) -> None:
        assert value.shape is not None
        self._first[value] = len(self._parent)
        self._parent.extend(range(len(self._parent), len(self._parent) + _count(value)))

    def knows(self, value: ir.Value) -> bool:
        return value in self._first

    def join(self, one: ir.Value, other: ir.Value) -> None:
        if _count(one) != _count(other):
            self.freeze(one)
            self.freeze(other)
            return
        for index in range(_count(one)):
            self._unite(self._first[one] + index, self._first[other] + index)

    def concatenate(self, sources: list[ir.Value], output: ir.Value) -> None:
        if not all(self.knows(value) for value in sources):
            for value in [*sources, output]:
                self.freeze(value)
            return
        channels = [self._first[value] + i for value in sources for i in range(_count(value))]
        for index, channel in enumerate(channels):
            self._unite(channel, self._first[output] + index)

    def freeze(self, value: ir.Value) -> None:
        if value in self._first:
            start = self._first[value]
            self._frozen.update(range(start, start + _count(value)))

    def keep_single(self, value: ir.Value) -> None:
        if value in self._first:
            start = self._first[value]
            self._single.update(range(start, start + _count(value)))

    def result(self) -> Channels:
        roots = np.array([self._root(i) for i in range(len(self._parent))], np.intp)
        names, classes = np.unique(roots, return_inverse=True)
        scalable, copyable = (np.ones(len(names), bool) for _ in range(2))
        scalable[classes[list(self._frozen)]] = False
        copyable[classes[list(self._frozen | self._single)]] = False
        of = {v: classes[start : start + _count(v)] for v, start in self._first.items()}
        return Channels(of, len(names), scalable, copyable)

    def _root(self, index: int) -> int:
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def _unite(self, one: int, other: int) -> None:
        self._parent[self._root(other)] = self._root(one)


def _count(value: ir.Value) -> int:
    assert value.shape is not None
    count = value.shape[1]
    assert isinstance(count, int)
    return count
