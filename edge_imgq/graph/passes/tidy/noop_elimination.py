"""Remove nodes that have no effect in inference at the known shapes.

These are Identity, Dropout and Cast from float to float; Pad by zero, Slice of a whole tensor,
Resize to the input's size, Transpose in identity order, Concat of one tensor and Reshape to the
input's shape; and Expand, or Tile of axes of length 1, before arithmetic that broadcasts to the
same shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.operators import BROADCASTING

TO_THE_END = 2**31 - 1
"""Slice ends from this value on mean "to the end of the axis", as exporters write it."""


def noop_elimination(model: ir.Model) -> int:
    """Remove nodes without effect in inference at the known shapes; bit-exact.

    They are Identity, Dropout, Cast from float32 to float32, Pad by zero, Slice of a whole tensor,
    Resize to the same size, Transpose in identity order, Concat of one tensor, Reshape to the
    input's shape, and Expand, or Tile of axes of length 1, before arithmetic that broadcasts to the
    same shape. A node between a graph input and a graph output is kept.

    Args:
        model: edited in place.

    Returns:
        The number of nodes removed.
    """
    nodes = [node for node in model.graph if _is_noop(node)]
    return sum(_remove(node) for node in nodes)


def _is_noop(node: ir.Node) -> bool:
    if any(value.uses() or value.is_graph_output() for value in node.outputs[1:]):
        return False
    condition = NOOP_CONDITIONS.get(node.op_type)
    return condition is not None and condition(node)


def _always(_node: ir.Node) -> bool:
    return True


def _cast(node: ir.Node) -> bool:
    source = node.inputs[0]
    kept = source is not None and source.dtype is ir.DataType.FLOAT
    return kept and node.attributes.get_int("to") == ir.DataType.FLOAT.value


def _dropout(node: ir.Node) -> bool:
    training = node.inputs[2] if len(node.inputs) > 2 else None
    return training is None or (edit.is_constant(training) and not edit.contents(training))


def _pad(node: ir.Node) -> bool:
    pads = _numbers(node, 1)
    return pads is not None and not np.any(pads)


def _slice(node: ir.Node) -> bool:
    starts, ends, axes = (_numbers(node, index) for index in (1, 2, 3))
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    steps = _numbers(node, 4) if len(node.inputs) > 4 else np.ones(1)
    if starts is None or ends is None or shape is None or steps is None or np.any(steps != 1):
        return False
    if axes is None and len(node.inputs) > 3 and node.inputs[3] is not None:
        return False
    indices = range(len(ends)) if axes is None else axes
    lengths = [shape[int(axis)] for axis in indices]
    reaches = [
        end >= TO_THE_END or (isinstance(length, int) and end >= length)
        for end, length in zip(ends, lengths, strict=True)
    ]
    return not np.any(starts) and all(reaches)


def _resize(node: ir.Node) -> bool:
    mode = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    scales = _numbers(node, 2)
    return mode != "tf_crop_and_resize" and (
        bool(np.all(scales == 1)) if scales is not None and scales.size else _keeps_shape(node)
    )


def _transpose(node: ir.Node) -> bool:
    order = list(node.attributes.get_ints("perm", []))
    return bool(order) and order == list(range(len(order)))


def _concat(node: ir.Node) -> bool:
    return len(node.inputs) == 1


def _expand(node: ir.Node) -> bool:
    """Return True if every reader broadcasts to the same shape without this node."""
    result = node.outputs[0]
    if result.is_graph_output() or not result.uses():
        return False
    like = _shape_of(node.inputs[1]) if node.op_type == "Expand" else None
    if like is not None and all(_reads(reader, like) for reader in result.consumers()):
        return True
    if result.shape is None:
        return False
    return all(_has_operand_like(reader, result) for reader in result.consumers())


def _shape_of(target: ir.Value | None) -> ir.Value | None:
    """Return the tensor whose whole shape a Shape node computes here, or None."""
    node = edit.find_producer(target)
    whole = node is not None and node.op_type == "Shape" and not node.attributes
    return node.inputs[0] if node is not None and whole else None


def _reads(reader: ir.Node, value: ir.Value) -> bool:
    return reader.op_type in BROADCASTING and value in reader.inputs


def _tile(node: ir.Node) -> bool:
    source, repeats = node.inputs[0], _numbers(node, 1)
    if source is None or source.shape is None or repeats is None:
        return False
    sides = zip(source.shape, repeats, strict=True)
    return all(length == 1 or count == 1 for length, count in sides) and _expand(node)


def _has_operand_like(reader: ir.Node, expanded: ir.Value) -> bool:
    others = [value for value in reader.inputs if value is not expanded and value is not None]
    return reader.op_type in BROADCASTING and any(_same_shape(v, expanded) for v in others)


def _same_shape(one: ir.Value, other: ir.Value) -> bool:
    if one.shape is None or other.shape is None or len(one.shape) != len(other.shape):
        return False
    sides = zip(one.shape, other.shape, strict=True)
    return all(a == b and (isinstance(a, int) or a.value is not None) for a, b in sides)


def _keeps_shape(node: ir.Node) -> bool:
    source, result = node.inputs[0], node.outputs[0]
    if source is None or source.shape is None or result.shape is None:
        return False
    return source.shape.is_static() and source.shape == result.shape


def _numbers(node: ir.Node, index: int) -> Any:
    """Return a constant input as a 1-D array, or None if it is absent or computed."""
    value = node.inputs[index] if len(node.inputs) > index else None
    return edit.contents(value).reshape(-1) if edit.is_constant(value) else None


NOOP_CONDITIONS: dict[str, Callable[[ir.Node], bool]] = {
    "Cast": _cast,
    "Concat": _concat,
    "Dropout": _dropout,
    "Expand": _expand,
    "Identity": _always,
    "Pad": _pad,
    "Reshape": _keeps_shape,
    "Resize": _resize,
    "Slice": _slice,
    "Tile": _tile,
    "Transpose": _transpose,
}
"""Predicate that returns True if a node has no effect, by operator."""


def _remove(node: ir.Node) -> bool:
    source, result = node.inputs[0], node.outputs[0]
    if source is None or (result.is_graph_output() and source.producer() is None):
        return False
    if result.is_graph_output() and source.is_graph_output():
        return False
    edit.replace_value(result, source)
    edit.remove_node(node)
    return True
