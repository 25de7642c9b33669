"""Decompose instance, group and layer normalisation into mean and variance.

With m the mean and v the variance of x over some axes, all of them compute

    y = (x − m) · (v + ε)^(−½) · γ + β,        v = mean((x − m)²).

The axes are height and width for InstanceNormalization, the last ones for LayerNormalization, and a
group of channels with height and width for GroupNormalization. For groups, the mean is the product
A·μ of the channel means μ with a matrix A of blocks of 1/(channels per group), so that no axis is
reshaped. A LayerNormalization between transpositions to channels last and back is computed over
the channels of the channels-first image.

Networks also export the formula node by node. Such a chain is matched and written in the same
form: the square as a product, root and division as one power.

Mean and variance span more orders of magnitude than eight bits represent, so the nodes are marked
as float arithmetic (`edge_imgq.graph.float_regions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import mark_float
from edge_imgq.graph.passes.normalise.equalize_norm_input import scale_producer
from edge_imgq.graph.passes.normalise.match_norm import MatchedNorm, match_norm

TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


@dataclass(frozen=True)
class Norm:
    """One normalisation.

    Attributes:
        source: normalised tensor x.
        axes: axes of the mean and variance, not negative.
        epsilon: ε, added to the variance: a number, or an array that broadcasts against it.
        groups: number of channel groups; 0 where `axes` alone define the mean.
        gain: γ in a shape that broadcasts against the source, or None for 1.
        shift: β in a shape that broadcasts against the source, or None for 0.
        result: value of the graph that the written norm replaces.
    """

    source: ir.Value
    axes: tuple[int, ...]
    epsilon: Any
    groups: int
    gain: Any
    shift: Any
    result: ir.Value


def decompose_norm(model: ir.Model) -> int:
    """Write each instance, group or layer normalisation with constant γ and β as arithmetic.

    It becomes y = (x − m) · (v + ε)^(−½) · γ + β with the mean m and variance v by ReduceMean. The
    nodes are marked to compute in float in a quantized graph. Normalisations that are exported node
    by node get the same form; those with computed γ or β are kept. A convolution before an
    InstanceNormalization is scaled to kernels of norm 1 per channel, and ε with it. Exact in real
    numbers; float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of normalisations rewritten.
    """
    count = 0
    for node in list(model.graph):
        if node.graph is None:
            continue
        reader = READERS.get(node.op_type)
        norm = reader(node) if reader is not None else None
        if norm is not None:
            _write(model.graph, node, norm)
            count += 1
    if count:
        model.graph.sort()  # groups are reshaped before the node in whose place their norm comes
    return count


def _instance(node: ir.Node) -> Norm | None:
    source, gain, shift = node.inputs
    if source is None or not _known(source, gain, shift):
        return None
    if grouped := _flattened_groups(node):
        return grouped
    rank = len(source.shape or ())
    per_channel = (1, -1, *(1,) * (rank - 2))
    graph = node.graph
    own = node.op_type == "InstanceNormalization" and isinstance(graph, ir.Graph)
    factors = scale_producer(graph, node) if own and isinstance(graph, ir.Graph) else None
    epsilon: Any = _epsilon(node)
    if factors is not None:
        epsilon = (epsilon * factors**2).reshape(per_channel)
    return Norm(
        source, tuple(range(2, rank)), epsilon, 0,
        edit.contents(gain).reshape(per_channel), edit.contents(shift).reshape(per_channel),
        node.outputs[0],
    )  # fmt: skip


def _flattened_groups(node: ir.Node) -> Norm | None:
    """Read a group normalisation on images reshaped to (N, groups, rest), or return None."""
    rows, gain, shift = node.inputs
    before = edit.find_producer(rows)
    after = edit.sole_consumer(node.outputs[0])
    kinds = [other.op_type for other in (before, after) if other is not None]
    image = before.inputs[0] if before is not None else None
    if kinds != ["Reshape", "Reshape"] or after is None or image is None or rows is None:
        return None
    result = after.outputs[0]
    if image.shape is None or len(image.shape) != 4 or rows.shape is None or len(rows.shape) != 3:
        return None
    channels, groups = image.shape[1], edit.contents(gain).size
    if result.shape != image.shape or not isinstance(channels, int):
        return None
    if rows.shape[1] != groups:
        return None
    gains, shifts = (
        np.repeat(edit.contents(value), channels // groups).reshape(1, -1, 1, 1)
        for value in (gain, shift)
    )
    return Norm(image, (2, 3), _epsilon(node), groups, gains, shifts, result)


def _group(node: ir.Node) -> Norm | None:
    norm = _instance(node)
    if norm is None or norm.gain.size != (norm.source.shape or (0, 0))[1]:
        return None
    groups = node.attributes.get_int("num_groups")
    return Norm(
        norm.source, norm.axes, norm.epsilon, groups, norm.gain, norm.shift, norm.result
    )  # fmt: skip


def _layer(node: ir.Node) -> Norm | None:
    source, gain = node.inputs[:2]
    shift = node.inputs[2] if len(node.inputs) > 2 else None
    if source is None or not _known(source, gain) or any(v.uses() for v in node.outputs[1:]):
        return None
    rank = len(source.shape or ())
    first = node.attributes.get_int("axis", -1) % rank
    scale, offset = edit.contents(gain), None if shift is None else edit.contents(shift)
    before, after = _transpositions(node)
    if before is not None and after is not None and first == rank - 1:
        image = before.inputs[0]
        assert image is not None
        offset = None if offset is None else offset.reshape(1, -1, 1, 1)
        result = after.outputs[0]
        return Norm(image, (1,), _epsilon(node), 0, scale.reshape(1, -1, 1, 1), offset, result)
    axes = tuple(range(first, rank))
    return Norm(source, axes, _epsilon(node), 0, scale, offset, node.outputs[0])


def _expanded(node: ir.Node) -> Norm | None:
    match = match_norm(node)
    if match is None:
        return None
    if len(match.axes) == 3 and (grouped := _expanded_groups(node, match)):
        return grouped
    return Norm(match.source, match.axes, match.epsilon, 0, None, None, node.outputs[0])


def _expanded_groups(node: ir.Node, match: MatchedNorm) -> Norm | None:
    """Read a normalisation of channels reshaped to groups, as Keras exports it, or return None.

    The channels may be first or last. The result is reshaped again after it for its readers.
    """
    split, graph = match.source.producer(), node.graph
    image = split.inputs[0] if split is not None and split.op_type == "Reshape" else None
    groups, axis = _group_count(image, match)
    if image is None or not groups or not isinstance(graph, ir.Graph):
        return None
    source = image
    if axis == 3:
        turned = image.producer()
        if turned is None or _permutation(turned) != TO_LAST or turned.inputs[0] is None:
            return None
        source = turned.inputs[0]
    result = _regrouped(graph, node, source, axis)
    return Norm(source, (2, 3), match.epsilon, groups, None, None, result)


def _group_count(image: ir.Value | None, match: MatchedNorm) -> tuple[int, int]:
    """Return the number of groups and the axis of the channels, or zeros if there are no groups."""
    shapes = [None if value is None else value.shape for value in (image, match.source)]
    if any(shape is None or not shape.is_static() for shape in shapes):
        return 0, 0
    whole, grouped_shape = (tuple(shape.numpy()) for shape in shapes if shape is not None)
    for axis, axes in ((1, (2, 3, 4)), (3, (1, 2, 4))):
        lengths = (
            (*whole[:axis], grouped_shape[axis], -1, *whole[axis + 1 :]) if len(whole) == 4 else ()
        )
        alike = [one == other for one, other in zip(lengths, grouped_shape, strict=False)]
        if (
            match.axes == axes
            and len(grouped_shape) == 5
            and sum(alike) >= 4
            and not alike[axis + 1]
        ):
            return grouped_shape[axis], axis
    return 0, 0


def _regrouped(graph: ir.Graph, node: ir.Node, source: ir.Value, axis: int) -> ir.Value:
    """Reshape an ungrouped result to the shape of `node`; return an Identity to be replaced."""
    result, name = node.outputs[0], node.name
    stand_in = edit.insert_node(graph, node, "Identity", [source], {}, f"{name}.place")
    stand_in.shape = source.shape
    whole = stand_in
    if axis == 3:
        turn = {"perm": list(TO_LAST)}
        whole = edit.insert_node(graph, node, "Transpose", [stand_in], turn, f"{name}.last")
        assert source.shape is not None
        whole.shape = ir.Shape([source.shape[axis] for axis in TO_LAST])
    assert result.shape is not None
    shape = edit.add_constant(graph, f"{name}.groups", np.array(result.shape.numpy(), np.int64))
    reshaped = edit.insert_node(graph, node, "Reshape", [whole, shape], {}, f"{name}.parted")
    reshaped.shape, reshaped.type = result.shape, result.type
    edit.replace_value(result, reshaped)
    return stand_in


READERS = {
    "InstanceNormalization": _instance,
    "GroupNormalization": _group,
    "LayerNormalization": _layer,
    "Div": _expanded,
    "Mul": _expanded,
}


def _known(source: ir.Value, *constants: ir.Value | None) -> bool:
    return source.shape is not None and all(edit.is_constant(value) for value in constants)


def _epsilon(node: ir.Node) -> float:
    return node.attributes.get_float("epsilon", 1e-5)


def _transpositions(node: ir.Node) -> tuple[ir.Node | None, ir.Node | None]:
    """Return the Transpose to channels last before a node and the one back after it, or None."""
    source = node.inputs[0]
    before = edit.find_producer(source)
    after = edit.sole_consumer(node.outputs[0])
    pair = tuple(
        other if other is not None and _permutation(other) == order else None
        for other, order in ((before, TO_LAST), (after, TO_FIRST))
    )
    return pair[0], pair[1]


def _permutation(node: ir.Node) -> tuple[int, ...]:
    return tuple(node.attributes.get_ints("perm", [])) if node.op_type == "Transpose" else ()


def _write(graph: ir.Graph, node: ir.Node, norm: Norm) -> None:
    name = node.name or "norm"
    writer = _Writer(graph, node, name)
    mean = writer.mean(norm.source, norm, "mean")
    whole = norm.source.shape
    centred = writer.add("Sub", [norm.source, mean], "centred", whole)
    square = writer.add("Mul", [centred, centred], "square", whole)
    variance = writer.mean(square, norm, "variance")
    positive = writer.add("Add", [variance, writer.constant(norm.epsilon, "epsilon")], "positive")
    inverse = writer.add("Pow", [positive, writer.constant(-0.5, "exponent")], "inverse")
    gain = None if norm.gain is None or np.all(norm.gain == 1) else norm.gain
    if gain is not None and _is_small(gain, norm):
        inverse = writer.add("Mul", [inverse, writer.constant(gain, "gain")], "factor")
        gain = None
    result = writer.add("Mul", [centred, inverse], "normal", whole)
    if gain is not None:
        result = writer.add("Mul", [result, writer.constant(gain, "gain")], "scaled", whole)
    if norm.shift is not None and np.any(norm.shift):
        shift = writer.constant(norm.shift, "shift")
        result = writer.add("Add", [result, shift], "shifted", whole)
    edit.replace_value(norm.result, result)


def _is_small(gain: Any, norm: Norm) -> bool:
    """Return True if the gain is constant along the axes: it then costs no pass over pixels."""
    return gain.ndim > max(norm.axes) and all(gain.shape[axis] == 1 for axis in norm.axes)


class _Writer:
    """Inserts marked nodes before another node."""

    def __init__(self, graph: ir.Graph, before: ir.Node, name: str) -> None:
        self.graph, self.before, self.name = graph, before, name

    def constant(self, values: Any, suffix: str) -> ir.Value:
        """Add an initializer "<name>.<suffix>", float32, of the shape of `values`."""
        return edit.add_constant(
            self.graph, f"{self.name}.{suffix}", np.asarray(values, np.float32)
        )

    def add(
        self,
        kind: str,
        inputs: list[ir.Value],
        suffix: str,
        shape: ir.Shape | None = None,
        **attributes: Any,
    ) -> ir.Value:
        """Insert a node "<name>.<suffix>" that is marked as float arithmetic; return its output.

        The output is float32 of `shape`, or of no recorded shape.
        """
        name = f"{self.name}.{suffix}"
        value = edit.insert_node(self.graph, self.before, kind, inputs, attributes, name)
        producer = value.producer()
        assert producer is not None
        mark_float(producer)
        value.shape = shape
        return value

    def numbers(self, values: list[int], suffix: str) -> ir.Value:
        """Add an initializer "<name>.<suffix>", int64, of one axis."""
        return edit.add_constant(self.graph, f"{self.name}.{suffix}", np.asarray(values, np.int64))

    def mean(self, source: ir.Value, norm: Norm, suffix: str) -> ir.Value:
        """Insert the mean of a value over `norm.axes`, kept with length 1, and return it.

        With groups, it is (N, C, 1, 1): the mean of each channel's group, by a matrix product.

        Args:
            source: value of the shape of `norm.source`.
            norm: axes and groups.
            suffix: end of the new nodes' names.
        """
        axes = self.numbers(list(norm.axes), f"{suffix}.axes")
        if not norm.groups:
            return self.add("ReduceMean", [source, axes], suffix, keepdims=1)
        channels = self.add("ReduceMean", [source, axes], f"{suffix}.channels", keepdims=0)
        count = norm.source.shape[1] if norm.source.shape is not None else None
        assert isinstance(count, int)
        size = count // norm.groups
        blocks = np.kron(np.eye(norm.groups), np.full((size, size), 1 / size))
        matrix = self.constant(blocks, f"{suffix}.blocks")
        groups = self.add("MatMul", [channels, matrix], f"{suffix}.flat")
        spatial = self.numbers(list(norm.axes), f"{suffix}.spatial")
        return self.add("Unsqueeze", [groups, spatial], suffix)
