"""Fuse repeated rows and columns into a nearest-neighbour Resize.

    Unsqueeze(after a) → Tile or Expand(k times) → [Transpose] → Reshape

copies each row or column, axis a, k times next to itself. So does a Resize of mode "nearest" with
"asymmetric" coordinates, rounding down, and scale k on a. The Reshape after merges the copies
with their axis and may change the shape further, so it is kept. Keras enlarges this way, axis by
axis, as does torch's `repeat_interleave`. Two consecutive such Resizes are merged.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.passes.normalise.reduce_transposes import CHANNELS_LAST, order_of

NEAREST = {
    "mode": "nearest",
    "nearest_mode": "floor",
    "coordinate_transformation_mode": "asymmetric",
}


def fuse_nearest_resize(model: ir.Model) -> int:
    """Rewrite rows or columns repeated by Tile or Expand as a nearest Resize; bit-exact.

    The pattern is Unsqueeze or Reshape, Tile or Expand, perhaps Transpose, and Reshape, on a static
    (N, C, H, W), or (N, H, W, C) after a Transpose. Each row or column is copied k times next to
    itself, so the Resize has integer scales, "asymmetric" coordinates and rounds down.

    Args:
        model: edited in place.

    Returns:
        The number of repetitions rewritten.
    """
    nodes = [node for node in model.graph if node.op_type in ("Tile", "Expand")]
    return sum(_rewrite(model.graph, node) for node in nodes)


def joined_resizes(model: ir.Model) -> int:
    """Merge consecutive nearest-neighbour Resizes by constant integer scales; bit-exact.

    Both have "asymmetric" coordinates and round down; the scales are multiplied per axis.

    Args:
        model: edited in place.

    Returns:
        The number of Resizes removed.
    """
    nodes = [node for node in model.graph if node.op_type == "Resize"]
    return sum(_join(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    lift = edit.find_producer(node.inputs[0])
    if lift is None or lift.op_type not in ("Reshape", "Unsqueeze") or lift.inputs[0] is None:
        return False
    source, turn = lift.inputs[0], edit.sole_consumer(node.outputs[0])
    merge = turn
    if turn is not None and turn.op_type == "Transpose":
        merge = edit.sole_consumer(turn.outputs[0])
    if turn is None or merge is None or merge.op_type != "Reshape":
        return False
    counts = _counts(source, node)
    order = _order(turn if turn is not merge else None, node, counts)
    if counts is None or order is None or not _is_image(source, counts):
        return False
    _write(graph, node, source, list(counts.values()), order, merge)
    return True


def _counts(source: ir.Value, node: ir.Node) -> dict[int, int] | None:
    """Return the number of copies of each source axis, keyed by axis of the repeated tensor.

    Keys are in the order of the source's axes. None for any other pattern.
    """
    shapes = [source.shape, node.inputs[0].shape if node.inputs[0] else None, node.outputs[0].shape]
    if any(shape is None or not shape.is_static() for shape in shapes):
        return None
    before, thin, thick = (tuple(shape.numpy()) for shape in shapes if shape is not None)
    if len(thin) != len(thick):
        return None
    counts: dict[int, int] = {}
    for axis, (one, many) in enumerate(zip(thin, thick, strict=True)):
        if one == many:
            counts[axis] = 1
        elif one == 1 and axis - 1 in counts:
            counts[axis - 1] = many
        else:
            return None
    return counts if tuple(thin[axis] for axis in counts) == before else None


def _order(turn: ir.Node | None, node: ir.Node, counts: dict[int, int] | None) -> list[int] | None:
    """Return how a Transpose orders the source axes; None if it separates copies."""
    if counts is None or node.outputs[0].shape is None:
        return None
    rank = len(node.outputs[0].shape)
    whole = list(range(rank)) if turn is None else list(turn.attributes.get_ints("perm", []))
    axes = list(counts)
    for axis in range(rank):
        if axis not in counts and (axis - 1 not in whole or _next(whole, axis - 1) != axis):
            return None
    return [axes.index(axis) for axis in whole if axis in counts]


def _next(order: list[int], axis: int) -> int | None:
    index = order.index(axis) + 1
    return order[index] if index < len(order) else None


def _is_image(source: ir.Value, counts: dict[int, int]) -> bool:
    """Return True if only rows and columns are repeated."""
    channels = 3 if order_of(source) == CHANNELS_LAST else 1
    repeated = {axis for axis, count in enumerate(counts.values()) if count > 1}
    return len(counts) == 4 and bool(repeated) and not repeated & {0, channels}


def _write(
    graph: ir.Graph,
    node: ir.Node,
    source: ir.Value,
    counts: list[int],
    order: list[int],
    merge: ir.Node,
) -> None:
    assert source.shape is not None
    name = node.name or "copies"
    scales = edit.add_constant(graph, f"{name}.scales", np.array(counts, np.float32))
    inputs = [source, None, scales]
    large = edit.insert_node(graph, merge, "Resize", inputs, dict(NEAREST), f"{name}.resized")
    shape = [length * count for length, count in zip(source.shape.numpy(), counts, strict=True)]
    large.shape = ir.Shape(shape)
    if order != [0, 1, 2, 3]:
        turn = {"perm": order}
        large = edit.insert_node(graph, merge, "Transpose", [large], turn, f"{name}.turned")
        large.shape = ir.Shape([shape[axis] for axis in order])
    result = merge.outputs[0]
    if result.shape is not None and tuple(result.shape) == tuple(large.shape or ()):
        edit.replace_value(result, large)
        edit.remove_dead(merge)
        return
    dead = edit.producer_of(merge, 0)
    merge.replace_input_with(0, large)
    edit.remove_dead(dead)


def _join(graph: ir.Graph, node: ir.Node) -> bool:
    first = edit.find_producer(node.inputs[0])
    if first is None or edit.sole_consumer(first.outputs[0]) is not node:
        return False
    scales = [_whole(first), _whole(node)]
    if any(scale is None for scale in scales):
        return False
    joint = np.prod([scale for scale in scales if scale is not None], axis=0)
    node.replace_input_with(0, first.inputs[0])
    node.replace_input_with(2, edit.add_constant(graph, f"{node.name}.scales", joint))
    edit.remove_dead(first)
    return True


def _whole(node: ir.Node) -> np.ndarray | None:
    """Return the scales of a Resize that copies whole pixels, or None for any other node."""
    if node.op_type != "Resize" or len(node.inputs) != 3 or "axes" in node.attributes:
        return None
    named = {key: node.attributes.get_string(key) for key in NEAREST}
    if named != NEAREST or not edit.is_constant(node.inputs[2]):
        return None
    scales = edit.contents(node.inputs[2])
    return scales if np.array_equal(scales, np.rint(scales)) and scales.min() >= 1 else None
