"""Repeated channels: Tile and Expand as concatenations, interleaved ones as a 1×1 convolution.

Tile of channels puts k copies of the image one behind the other, which is Concat(x, …, x). An
Expand to the shape that its input has already is nothing. `repeat_interleave` comes as

    Unsqueeze(2) → Expand(k) → Reshape       y[c·k + j] = x[c]   for 0 ≤ j < k,

a 1×1 convolution with a matrix of zeros and ones, which a processor does in one pass.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


def repetition(model: ir.Model) -> int:
    """Rewrite repetitions of channels; exact.

    Returns:
        The number of nodes rewritten.
    """
    count = 0
    for node in list(model.graph):
        if node.graph is None:
            continue
        if node.op_type == "Tile":
            count += _tile(model.graph, node)
        elif node.op_type == "Expand":
            count += _interleave(model.graph, node) or _expand(model.graph, node)
    return count


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
        if before == after:
            counts.append(1)
        elif before == 1 and isinstance(after, int):
            counts.append(after)
        else:
            return False
    return _concatenate(graph, node, source, counts)


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
    edit.take_place(result, source)
    edit.remove_node(node)
    return True


def _interleave(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite Unsqueeze(2), Expand, Reshape around an Expand."""
    lifted = node.inputs[0]
    lift = edit.find_maker(lifted)
    merge = edit.sole_consumer(node.outputs[0])
    if lift is None or lift.op_type != "Unsqueeze" or merge is None or merge.op_type != "Reshape":
        return False
    source, result = lift.inputs[0], merge.outputs[0]
    shapes = [None if v is None else v.shape for v in (source, lifted, node.outputs[0], result)]
    if source is None or any(shape is None for shape in shapes):
        return False
    image, thin, thick, flat = (tuple(shape or ()) for shape in shapes)
    if len(image) != 4 or not isinstance(image[1], int) or len(thin) != 5 or len(thick) != 5:
        return False
    if thin != (image[0], image[1], 1, *image[2:]) or not isinstance(thick[2], int):
        return False
    count = thick[2]
    if thick != (*thin[:2], count, *thin[3:]) or flat[:2] != (image[0], image[1] * count):
        return False
    matrix = np.repeat(np.eye(image[1]), count, axis=0)
    repeated = edit.insert_convolution(graph, merge, source, matrix, f"{node.name}.repeated")
    repeated.shape = result.shape
    edit.take_place(result, repeated)
    return True
