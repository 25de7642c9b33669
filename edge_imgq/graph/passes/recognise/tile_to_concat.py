"""Rewrite repeated channels as concatenations, and interleaved ones as a 1×1 convolution.

Tile of channels concatenates k copies of the image: Concat(x, …, x). An Expand to the input's shape
is removed. `repeat_interleave` is exported as

    Unsqueeze(2) → Expand or Tile(k) → Reshape       y[c·k + j] = x[c]   for 0 ≤ j < k,

a 1×1 convolution with a matrix of zeros and ones, which a processor computes in one pass. If height
and width are open, the target shape of the Reshape is evaluated for two sizes.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.shapes.shape_arithmetic import evaluate_shape

SIZES = ((97, 64), (50, 83))
"""Heights and widths at which open shapes are evaluated; all four lengths differ."""


def tile_to_concat(model: ir.Model) -> int:
    """Rewrite repetitions of channels by Tile or Expand as Concat or 1×1 convolution.

    Copies of all channels, (N, C, H, W) to (N, k·C, H, W), become Concat(x, …, x); bit-exact.
    Copies of each, by Unsqueeze, Tile or Expand, and Reshape to y[c·k + j] = x[c], become a
    convolution by zeros and ones, which is exact for finite values; an infinity or NaN spreads to
    all channels. An Expand to its input's shape is removed.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    count = 0
    for node in list(model.graph):
        if node.graph is None:
            continue
        if node.op_type in ("Tile", "Expand"):
            count += _interleave(model, node) or _copies(model.graph, node)
    return count


def _copies(graph: ir.Graph, node: ir.Node) -> bool:
    return _tile(graph, node) if node.op_type == "Tile" else _expand(graph, node)


def _tile(graph: ir.Graph, node: ir.Node) -> bool:
    source, repeats = node.inputs
    if source is None or not edit.is_constant(repeats):
        return False
    counts = [int(count) for count in edit.contents(repeats)]
    return _concatenate(graph, node, source, counts)


def _expand(graph: ir.Graph, node: ir.Node) -> bool:
    source, result = node.inputs[0], node.outputs[0]
    if source is None or source.shape is None or result.shape is None:
        return False
    if len(source.shape) != len(result.shape):
        return False
    counts = []
    for before, after in zip(source.shape, result.shape, strict=True):
        if _is_same(before, after):
            counts.append(1)
        elif before == 1 and isinstance(after, int):
            counts.append(after)
        else:
            return False
    return _concatenate(graph, node, source, counts)


def _is_same(before: int | ir.SymbolicDim, after: int | ir.SymbolicDim) -> bool:
    """Return True if two lengths are equal at every size; unnamed lengths may differ."""
    return before == after and (isinstance(before, int) or before.value is not None)


def _concatenate(graph: ir.Graph, node: ir.Node, source: ir.Value, counts: list[int]) -> bool:
    repeated = [axis for axis, count in enumerate(counts) if count != 1]
    result = node.outputs[0]
    if len(repeated) > 1 or (not repeated and result.is_graph_output()):
        return False
    if repeated:
        axis = repeated[0]
        if axis != 1 or len(counts) != 4:
            return False
        copies: list[ir.Value | None] = [source] * counts[axis]
        name = f"{node.name}.copies"
        joined = edit.insert_node(graph, node, "Concat", copies, {"axis": axis}, name)
        joined.shape = result.shape
        source = joined
    edit.replace_value(result, source)
    edit.remove_node(node)
    return True


def _interleave(model: ir.Model, node: ir.Node) -> bool:
    """Rewrite the Unsqueeze(2), Expand or Tile, Reshape pattern around its middle node."""
    lift = edit.find_producer(node.inputs[0])
    source = lift.inputs[0] if lift is not None and lift.op_type == "Unsqueeze" else None
    merge = _only_reshape(node.outputs[0])
    if source is None or source.shape is None or merge is None or len(source.shape) != 4:
        return False
    channels, count = source.shape[1], _count_between(source, node)
    if not isinstance(channels, int) or count is None:
        return False
    if not _joins(model, source, node, merge, channels * count):
        return False
    matrix = np.repeat(np.eye(channels), count, axis=0)
    repeated = edit.insert_convolution(model.graph, merge, source, matrix, f"{node.name}.repeated")
    repeated.shape = ir.Shape([source.shape[0], channels * count, *source.shape[2:]])
    edit.replace_value(merge.outputs[0], repeated)
    return True


def _only_reshape(thick: ir.Value) -> ir.Node | None:
    """Return the Reshape that is the only reader of a value apart from Shape nodes, or None."""
    readers = [node for node in thick.consumers() if node.op_type != "Shape"]
    only = len(readers) == 1 and readers[0].op_type == "Reshape" and not thick.is_graph_output()
    return readers[0] if only and readers[0].inputs[0] is thick else None


def _count_between(source: ir.Value, node: ir.Node) -> int | None:
    """Return how many copies a node makes along a new axis after the channels, or None.

    Args:
        source: image (N, C, H, W) to which the axis is added.
        node: Tile or Expand of (N, C, 1, H, W).
    """
    lifted, thick = node.inputs[0], node.outputs[0].shape
    image, thin = tuple(source.shape or ()), lifted.shape if lifted is not None else None
    if thin is None or tuple(thin) != (image[0], image[1], 1, *image[2:]):
        return None
    if node.op_type == "Tile":
        given = node.inputs[1]
        counts = edit.contents(given).tolist() if edit.is_constant(given) else []
        return int(counts[2]) if counts[:2] == [1, 1] and counts[3:] == [1, 1] else None
    if thick is None or len(thick) != 5 or not isinstance(thick[2], int):
        return None
    sides = ((thin[axis], thick[axis]) for axis in (0, 1, 3, 4))
    return thick[2] if all(_is_same(before, after) for before, after in sides) else None


def _joins(model: ir.Model, source: ir.Value, node: ir.Node, merge: ir.Node, channels: int) -> bool:
    """Return True if a Reshape merges the new axis with the channels at every size."""
    image, flat = tuple(source.shape or ()), merge.outputs[0].shape
    if flat is not None and tuple(flat)[:2] == (image[0], channels) and len(flat) == 4:
        return True
    if image[0] != 1:
        return False
    opset = model.opset_imports.get("", 0)
    return all(_target(source, node, merge, size, opset) == (1, channels, *size) for size in SIZES)


def _target(
    source: ir.Value, node: ir.Node, merge: ir.Node, size: tuple[int, int], opset: int
) -> tuple[int, ...]:
    """Return the target shape of a Reshape for an image of this size; () if unknown."""
    image = (1, int(source.shape[1]), *size)  # type: ignore[index,arg-type]
    count = _count_between(source, node) or 1
    shapes = {source: image, node.outputs[0]: (*image[:2], count, *size)}
    if node.inputs[0] is not None:
        shapes[node.inputs[0]] = (*image[:2], 1, *size)
    lengths = evaluate_shape(merge.inputs[1], shapes, opset)
    target = [] if lengths is None else [int(length) for length in lengths]
    if target.count(-1) == 1:
        total = image[1] * count * size[0] * size[1]
        target[target.index(-1)] = total // -int(np.prod(target))
    return tuple(target)
