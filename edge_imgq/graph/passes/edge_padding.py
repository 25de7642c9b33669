"""Padding that repeats the edge, as slices of the edge joined to the image.

    Pad(x, edge, p before, q after) = Concat(x[:1] × p, x, x[−1:] × q)      along one axis,

one axis after the other. TFLite has no such mode; slices and concatenations copy, so it is exact in
int8 too.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


def edge_padding(model: ir.Model) -> int:
    """Rewrite every Pad of mode edge with constant, non-negative pads; exact.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [
        node
        for node in model.graph
        if node.op_type == "Pad" and node.attributes.get_string("mode", "constant") == "edge"
    ]
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
    edit.take_place(node.outputs[0], padded)
    edit.remove_node(node)
    return True


def _pad_axis(
    graph: ir.Graph, node: ir.Node, image: ir.Value, axis: int, before: int, after: int
) -> ir.Value:
    name = f"{node.name}.axis{axis}"
    parts = [image]
    if before:
        parts = [_edge(graph, node, image, axis, (0, 1), f"{name}.first")] * before + parts
    if after:
        last = (-1, np.iinfo(np.int64).max)
        parts = parts + [_edge(graph, node, image, axis, last, f"{name}.last")] * after
    joined = edit.insert_node(graph, node, "Concat", parts, {"axis": axis}, name)
    assert image.shape is not None
    length = image.shape[axis]
    lengths: list[int | ir.SymbolicDim | None] = list(image.shape)
    lengths[axis] = length + before + after if isinstance(length, int) else None
    joined.shape = ir.Shape(lengths)
    return joined


def _edge(
    graph: ir.Graph, node: ir.Node, image: ir.Value, axis: int, part: tuple[int, int], name: str
) -> ir.Value:
    numbers = [
        edit.add_constant(graph, f"{name}.{what}", np.array([value], np.int64))
        for what, value in (("start", part[0]), ("end", part[1]), ("axis", axis))
    ]
    edge = edit.insert_node(graph, node, "Slice", [image, *numbers], {}, name)
    assert image.shape is not None
    lengths = list(image.shape)
    lengths[axis] = 1
    edge.shape = ir.Shape(lengths)
    return edge
