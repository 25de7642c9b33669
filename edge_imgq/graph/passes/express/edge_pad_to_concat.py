"""Rewrite edge and wrap padding as slices concatenated to the image.

    Pad(x, edge, p before, q after) = Concat(x[:1] × p, x, x[−1:] × q),
    Pad(x, wrap, p before, q after) = Concat(x[−p:], x, x[:q])              along one axis,

one axis after the other. TFLite has neither mode. Slices and concatenations copy values, so this is
exact in int8 as well.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

EDGE, WRAP = "edge", "wrap"
END = np.iinfo(np.int64).max


def edge_pad_to_concat(model: ir.Model) -> int:
    """Rewrite each Pad of mode edge or wrap as slices concatenated to its input; bit-exact.

    Along each axis, edge padding of p and q is Concat(x[:1] p times, x, x[−1:] q times), and wrap
    padding Concat(x[−p:], x, x[:q]); axes follow one after the other. Pads must be constant and not
    negative; other nodes are left unchanged.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [n for n in model.graph if n.op_type == "Pad" and _mode(n) in (EDGE, WRAP)]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    source, pads = node.inputs[:2]
    if source is None or source.shape is None or not edit.is_constant(pads):
        return False
    rank = len(source.shape)
    given = node.inputs[3] if len(node.inputs) > 3 else None
    axes = list(range(rank)) if given is None else [int(a) % rank for a in edit.contents(given)]
    counts = [int(count) for count in edit.contents(pads)]
    if min(counts) < 0 or not any(counts):
        return False
    padded = source
    for position, axis in enumerate(axes):
        before, after = counts[position], counts[position + len(axes)]
        if before or after:
            padded = _pad_axis(graph, node, padded, axis, before, after)
    edit.replace_value(node.outputs[0], padded)
    edit.remove_node(node)
    return True


def _pad_axis(
    graph: ir.Graph, node: ir.Node, image: ir.Value, axis: int, before: int, after: int
) -> ir.Value:
    name = f"{node.name}.axis{axis}"
    pieces = [image]
    if before:
        pieces = _margin(graph, node, image, axis, -before, f"{name}.first") + pieces
    if after:
        pieces = pieces + _margin(graph, node, image, axis, after, f"{name}.last")
    joined = edit.insert_node(graph, node, "Concat", pieces, {"axis": axis}, name)
    assert image.shape is not None
    length = image.shape[axis]
    added = before + after
    joined.shape = _resized(image, axis, length + added if isinstance(length, int) else None)
    return joined


def _margin(
    graph: ir.Graph, node: ir.Node, image: ir.Value, axis: int, count: int, name: str
) -> list[ir.Value]:
    """Return the values to concatenate at one end of an axis; a negative count means the front."""
    is_front, length = count < 0, abs(count)
    if _mode(node) == WRAP:
        bounds = (-length, END) if is_front else (0, length)
        return [_slice(graph, node, image, axis, bounds, name)]
    edge = _slice(graph, node, image, axis, (0, 1) if is_front else (-1, END), name)
    return [edge] * length


def _slice(
    graph: ir.Graph, node: ir.Node, image: ir.Value, axis: int, bounds: tuple[int, int], name: str
) -> ir.Value:
    numbers = [
        edit.add_constant(graph, f"{name}.{what}", np.array([value], np.int64))
        for what, value in (("start", bounds[0]), ("end", bounds[1]), ("axis", axis))
    ]
    edge = edit.insert_node(graph, node, "Slice", [image, *numbers], {}, name)
    edge.shape = _resized(image, axis, -bounds[0] if bounds[1] == END else bounds[1])
    return edge


def _resized(image: ir.Value, axis: int, length: int | None) -> ir.Shape:
    assert image.shape is not None
    lengths: list[int | ir.SymbolicDim | None] = list(image.shape)
    lengths[axis] = length
    return ir.Shape(lengths)


def _mode(node: ir.Node) -> str:
    return node.attributes.get_string("mode", "constant") or ""
