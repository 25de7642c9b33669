"""Merge consecutive reshapes into one, or into none where the shape ends as it began.

    Reshape(Reshape(x, s), t) = Reshape(x, t).

The same holds for Flatten, Squeeze and Unsqueeze, and for a Transpose that moves only axes of
length 1: all of them keep the elements in row-major order. With open lengths, a chain is removed if
its last shape equals its first one.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.operators import RESHAPING


def merge_reshapes(model: ir.Model) -> int:
    """Merge consecutive Reshape, Flatten, Squeeze and Unsqueeze nodes; bit-exact.

    Two become one Reshape of static shape; a chain that ends in a shape that it had before is
    removed from there on. A Transpose that moves only axes of length 1 may be part of such a chain.
    Nodes of unknown shape and nodes marked as float arithmetic stay unchanged. Time is quadratic in
    the length of a chain that stays.

    Args:
        model: edited in place.

    Returns:
        The number of nodes merged.
    """
    nodes = [node for node in model.graph if _keeps_order(node)]
    return sum(_merge(model.graph, node) for node in nodes if node.graph is not None)


def _keeps_order(node: ir.Node) -> bool:
    if node.op_type in RESHAPING:
        return True
    source = node.inputs[0] if node.op_type == "Transpose" else None
    if source is None or source.shape is None:
        return False
    order = node.attributes.get_ints("perm", []) or range(len(source.shape))[::-1]
    moved = [axis for axis in order if source.shape[axis] != 1]
    return moved == sorted(moved)


def _merge(graph: ir.Graph, node: ir.Node) -> bool:
    middle, result = node.inputs[0], node.outputs[0]
    first = edit.find_producer(middle)
    if first is None or not _keeps_order(first) or is_marked(node) or is_marked(first):
        return False
    source, same = first.inputs[0], _same_before(first, result.shape)
    if source is None or source.shape is None or result.shape is None:
        return False
    if same is not None:
        if result.is_graph_output() and (same.producer() is None or same.is_graph_output()):
            return False
        merged = same
    elif result.shape.is_static() and "Transpose" not in (node.op_type, first.op_type):
        lengths = result.shape.numpy()
        merged = edit.insert_reshape(graph, node, source, lengths, f"{node.name}.whole")
        merged.type = result.type
    else:
        return False
    edit.replace_value(result, merged)
    edit.remove_dead(node)
    return True


def _same_before(last: ir.Node, shape: ir.Shape | None) -> ir.Value | None:
    """Return the nearest value upstream of a chain of reshapes that has this shape, or None."""
    node: ir.Node | None = last
    while node is not None and _keeps_order(node) and not is_marked(node):
        source = node.inputs[0]
        if source is None or source.shape is None or shape is None:
            return None
        if tuple(source.shape) == tuple(shape) and _is_known(source.shape):
            return source
        node = source.producer()
    return None


def _is_known(shape: ir.Shape) -> bool:
    """Return True if every length is a number or a named dimension."""
    lengths = [length if isinstance(length, int) else length.value for length in shape]
    return None not in lengths
