"""Move transpositions downstream until they cancel.

Networks from TensorFlow hold images channels last and transpose around each convolution. With P a
transposition and Q its inverse,

    f(P(x)) = P(f(x)),     f(P(x), P(y)) = P(f(x, y)),     f(P(x), c) = P(f(x, Q(c))),

for every elementwise f, with c a constant or one number per channel; and for concatenation, split,
softmax, padding, slices and means with their axes renamed. A product of the last axis of a
channels-last image with a matrix W becomes a 1×1 convolution with Wᵀ. Q(P(x)) = x removes both.
Nodes are visited in topological order, so one pass moves each transposition as far as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.operators import ELEMENTWISE, REDUCING

Order = tuple[int, ...]
TransposeMove = Callable[[ir.Graph, ir.Node, Order], bool]

CHANNELS_LAST: Order = (0, 2, 3, 1)


def reduce_transposes(model: ir.Model) -> int:
    """Move each Transpose after its readers, and cancel it with its inverse.

    It is moved after elementwise operators, Concat, Split, Softmax, Pad, Slice, Resize and
    reductions, with their axes renamed and constants permuted. A MatMul of a channels-last image
    with a constant matrix becomes a 1×1 convolution. Exact in real numbers, and bit-exact for
    elementwise operators and those that move values. Float32 sums of reductions, Softmax,
    interpolation and MatMul may be ordered differently.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    return sum(_visit(model.graph, node) for node in list(model.graph) if node.graph is not None)


def _visit(graph: ir.Graph, node: ir.Node) -> bool:
    move = TRANSPOSE_MOVES.get(node.op_type)
    order = _common_order(node) if move is not None else None
    return move is not None and order is not None and move(graph, node, order)


def order_of(value: ir.Value | None) -> Order | None:
    """Return the `perm` of the Transpose that computes a value: input axes in output order.

    None if another node or none computes it, or if the Transpose has no `perm`.
    """
    node = edit.find_producer(value)
    if node is None or node.op_type != "Transpose":
        return None
    return tuple(node.attributes.get_ints("perm", [])) or None


def _common_order(node: ir.Node) -> Order | None:
    """Return the permutation that all computed inputs but thin ones share, or None."""
    computed = [value for value in node.inputs if value is not None and not edit.is_constant(value)]
    orders = {order_of(value) for value in computed if order_of(value) or not _is_thin(value)}
    return orders.pop() if len(orders) == 1 else None


def _is_thin(value: ir.Value) -> bool:
    """Return True for one number per channel, channels last: (N, 1, 1, C)."""
    shape = value.shape
    return shape is not None and len(shape) == 4 and tuple(shape)[1:3] == (1, 1)


def _source(value: ir.Value | None) -> ir.Value | None:
    """Return the input of the node that computes a value, or the value if no node does."""
    producer = edit.find_producer(value)
    return value if producer is None else producer.inputs[0]


def _inverse(order: Order) -> Order:
    return tuple(int(axis) for axis in np.argsort(order))


def _transpose(_graph: ir.Graph, node: ir.Node, order: Order) -> bool:
    """Compose two transpositions, or remove both if they cancel."""
    source, result = _source(node.inputs[0]), node.outputs[0]
    own = tuple(node.attributes.get_ints("perm", []))
    if source is None or len(own) != len(order):
        return False
    joint = tuple(order[axis] for axis in own)
    if joint == tuple(range(len(joint))):
        if result.is_graph_output() and (source.producer() is None or source.is_graph_output()):
            return False
        edit.replace_value(result, source)
        edit.remove_dead(node)
        return True
    first = edit.find_producer(node.inputs[0])
    node.replace_input_with(0, source)
    node.attributes["perm"] = ir.AttrInt64s("perm", joint)
    if first is not None:
        edit.remove_dead(first)
    return True


def _elementwise(graph: ir.Graph, node: ir.Node, order: Order) -> bool:
    inputs = list(node.inputs)
    turns = node.op_type not in ("Clip", "Dropout")
    for index, value in enumerate(node.inputs):
        if value is None or (edit.is_constant(value) and not turns):
            continue
        inputs[index] = _turned(graph, node, value, order)
        if inputs[index] is None:
            return False
    return _replace(graph, node, order, inputs, dict(node.attributes.items()))


def _turned(graph: ir.Graph, node: ir.Node, value: ir.Value, order: Order) -> ir.Value | None:
    """Return an operand in the untransposed layout, or None if that is impossible."""
    if not edit.is_constant(value):
        return _source(value) if order_of(value) == order else _raised(graph, node, value, order)
    array = edit.contents(value)
    if array.ndim > len(order):
        return None
    if array.size == 1:
        return value
    whole = array.reshape((1,) * (len(order) - array.ndim) + array.shape)
    return edit.add_constant(graph, f"{value.name}.turned", whole.transpose(_inverse(order)))


def _raised(graph: ir.Graph, node: ir.Node, value: ir.Value, order: Order) -> ir.Value | None:
    """Reshape a thin value (N, 1, 1, C) to (N, C, 1, 1)."""
    channels = value.shape[3] if value.shape is not None else None
    if order != CHANNELS_LAST or not isinstance(channels, int) or value.shape is None:
        return None
    shape = edit.add_constant(graph, f"{node.name}.thin", np.array([0, channels, 1, 1], np.int64))
    name = f"{node.name}.raised"
    raised = edit.insert_node(graph, node, "Reshape", [value, shape], {}, name)
    raised.shape = ir.Shape([value.shape[0], channels, 1, 1])
    return raised


def _along_axis(graph: ir.Graph, node: ir.Node, order: Order) -> bool:
    """Move a transposition after Concat or Softmax and rename their axis."""
    if any(edit.is_constant(value) for value in node.inputs):
        return False
    axis = node.attributes.get_int("axis", -1) % len(order)
    attributes = dict(node.attributes.items()) | {"axis": order[axis]}
    return _replace(graph, node, order, [_source(value) for value in node.inputs], attributes)


def _split(graph: ir.Graph, node: ir.Node, order: Order) -> bool:
    axis = node.attributes.get_int("axis", 0) % len(order)
    inputs = [_source(node.inputs[0]), *node.inputs[1:]]
    attributes = dict(node.attributes.items()) | {"axis": order[axis]}
    return _replace(graph, node, order, inputs, attributes)


def _mean(graph: ir.Graph, node: ir.Node, order: Order) -> bool:
    """Move a transposition after a reduction and rename its axes.

    Without kept dimensions the remaining axes must keep their order.
    """
    axes = _numbers(node, 1)
    if axes is None or not len(axes):
        return False
    gone = sorted(int(axis) % len(order) for axis in axes)
    keeps = bool(node.attributes.get_int("keepdims", 1))
    left = [order[axis] for axis in range(len(order)) if axis not in gone]
    if not keeps and left != sorted(left):
        return False
    renamed = np.array(sorted(order[axis] for axis in gone), np.int64)
    constant = edit.add_constant(graph, f"{node.name}.axes", renamed)
    inputs = [_source(node.inputs[0]), constant]
    return _replace(graph, node, order if keeps else None, inputs, dict(node.attributes.items()))


def _pad(graph: ir.Graph, node: ir.Node, order: Order) -> bool:
    pads, axes = _numbers(node, 1), _numbers(node, 3)
    if pads is None or (axes is None and len(node.inputs) > 3 and node.inputs[3] is not None):
        return False
    rank = len(order)
    padded = [int(axis) % rank for axis in axes] if axes is not None else list(range(rank))
    table = np.zeros((2, rank), np.int64)
    for index, axis in enumerate(padded):
        table[:, order[axis]] = pads[index], pads[index + len(padded)]
    constant = edit.add_constant(graph, f"{node.name}.pads", table.reshape(-1))
    fill = node.inputs[2] if len(node.inputs) > 2 else None
    inputs = [_source(node.inputs[0]), constant, *([] if fill is None else [fill])]
    return _replace(graph, node, order, inputs, dict(node.attributes.items()))


def _slice(graph: ir.Graph, node: ir.Node, order: Order) -> bool:
    starts, axes = _numbers(node, 1), _numbers(node, 3)
    if starts is None or (axes is None and len(node.inputs) > 3 and node.inputs[3] is not None):
        return False
    cut_axes = range(len(starts)) if axes is None else axes
    renamed = np.array([order[int(axis) % len(order)] for axis in cut_axes], np.int64)
    constant = edit.add_constant(graph, f"{node.name}.axes", renamed)
    inputs = [_source(node.inputs[0]), *node.inputs[1:3], constant, *node.inputs[4:]]
    return _replace(graph, node, order, inputs, dict(node.attributes.items()))


def _product(graph: ir.Graph, node: ir.Node, order: Order) -> bool:
    """Rewrite MatMul over the last axis of a transposed image as a 1×1 convolution."""
    source, matrix = _source(node.inputs[0]), node.inputs[1]
    if order != CHANNELS_LAST or source is None or not edit.is_constant(matrix):
        return False
    weight = edit.contents(matrix)
    if weight.ndim != 2:
        return False
    image = edit.insert_convolution(graph, node, source, weight.T, f"{node.name}.pointwise")
    result = node.outputs[0]
    if source.shape is not None:
        batch, _, height, width = source.shape
        image.shape = ir.Shape([batch, weight.shape[1], height, width])
    _transpose_after(graph, node, image, result, order)
    edit.remove_dead(node)
    return True


def _resize(graph: ir.Graph, node: ir.Node, order: Order) -> bool:
    """Move a transposition after Resize and permute its scales or sizes."""
    inputs = [_source(node.inputs[0]), None, *node.inputs[2:]]
    if "axes" in node.attributes or (len(node.inputs) > 1 and node.inputs[1] is not None):
        return False
    for index, value in enumerate(node.inputs[2:], 2):
        if value is not None:
            if not edit.is_constant(value):
                return False
            turned = edit.contents(value)[list(_inverse(order))]
            inputs[index] = edit.add_constant(graph, f"{value.name}.turned", turned)
    return _replace(graph, node, order, inputs, dict(node.attributes.items()))


def _numbers(node: ir.Node, index: int) -> Any:
    value = node.inputs[index] if len(node.inputs) > index else None
    return edit.contents(value).reshape(-1) if edit.is_constant(value) else None


def _replace(
    graph: ir.Graph,
    node: ir.Node,
    order: Order | None,
    inputs: Sequence[ir.Value | None],
    attributes: dict[str, Any],
) -> bool:
    """Replace a node by one on the untransposed inputs, and transpose its outputs."""
    count = len(node.outputs)
    moved = ir.node(node.op_type, inputs, attributes, num_outputs=count, name=f"{node.name}.first")
    moved.metadata_props.update(node.metadata_props)
    graph.insert_before(node, moved)
    for own, result in zip(moved.outputs, node.outputs, strict=True):
        own.name, own.type = edit.free_name(graph, f"{result.name}.first"), result.type
        if order is None:
            own.shape = result.shape
            edit.replace_value(result, own)
            continue
        if result.shape is not None:
            own.shape = ir.Shape([result.shape[axis] for axis in _inverse(order)])
        _transpose_after(graph, node, own, result, order)
    edit.remove_dead(node)
    return True


def _transpose_after(
    graph: ir.Graph, node: ir.Node, image: ir.Value, result: ir.Value, order: Order
) -> None:
    name = f"{node.name}.last"
    last = edit.insert_node(graph, node, "Transpose", [image], {"perm": order}, name)
    last.shape, last.type = result.shape, result.type
    edit.replace_value(result, last)


TRANSPOSE_MOVES: dict[str, TransposeMove] = {
    "Transpose": _transpose,
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    "Concat": _along_axis,
    "Softmax": _along_axis,
    "Split": _split,
    "MatMul": _product,
    "Pad": _pad,
    "Resize": _resize,
    "Slice": _slice,
    **dict.fromkeys(REDUCING - {"ArgMax", "ArgMin"}, _mean),
}
"""Function that moves a transposition after a node, by operator."""
