"""One factor per channel at the ends of a float part, so that gains reach its inside and leave it.

A float part reads integers with one scale for all channels and writes such. Between the two it may
multiply each channel by a number of its own:

    q = round(e · x / s),   x = (1/e) · dequantize(q),   …,   round(g · y / t)

so what it reads and what it writes have gains (`edge_imgq.quantize.steps.channel_equivalence`),
though what it computes knows nothing of gains. Exact in float. Factors are written as ones;
equalization gives them their numbers, and those that stay ones are taken out again. What nodes of
a part read of each other is not rounded, though others read it too: a trunk whose sums and norms
are float stays float, and int8 layers read a rounded copy of it.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float, stays_float


def insert_edge_factors(graph: ir.Graph, nodes: Collection[ir.Node]) -> None:
    """Insert factors of one around nodes that compute in float, in place.

    Args:
        graph: float graph.
        nodes: marked ones; images (N, C, H, W) that others write and all that others read get a
            factor.
    """
    read = {v: None for node in nodes for v in node.inputs if v is not None}  # in order
    for value in read:
        if value.producer() not in nodes and not edit.is_constant(value) and _has_gains(value):
            _enter(graph, value, nodes)
    for node in nodes:
        if not stays_float(node.outputs[0]) and _has_gains(node.outputs[0]):
            _leave(graph, node, nodes)


def is_factor(node: ir.Node) -> bool:
    """Tell whether a node multiplies each channel of an image by a number of its own, in float."""
    if node.op_type != "Mul" or not is_marked(node) or not edit.is_constant(node.inputs[1]):
        return False
    source, factor = node.inputs[0], edit.contents(node.inputs[1])
    channels = None if source is None or source.shape is None else list(source.shape)[1:2]
    return factor.ndim == 4 and channels == [factor.size] and factor.shape[1] == factor.size


def remove_idle_factors(graph: ir.Graph) -> None:
    """Take out factors that are all one, in place."""
    for node in [node for node in graph if is_factor(node)]:
        source, result = node.inputs[0], node.outputs[0]
        if source is None or (edit.contents(node.inputs[1]) != 1).any():
            continue
        leaves = stays_float(source) and not stays_float(result)
        if leaves and len(source.uses()) > 1:
            continue  # what others read of it is not rounded
        result.replace_all_uses_with(source)
        edit.remove_node(node)
        if leaves:
            source.name = result.name  # ranges are known by the name of what is stored


def _has_gains(value: ir.Value) -> bool:
    """Tell whether a value has several channels that may have gains."""
    shape = value.shape
    known = shape is not None and len(shape) == 4 and isinstance(shape[1], int) and shape[1] > 1
    return known and value.producer() is not None and not value.is_graph_output()


def _enter(graph: ir.Graph, value: ir.Value, nodes: Collection[ir.Node]) -> None:
    """Multiply what nodes read of a value."""
    reads = [use for use in value.uses() if use.node in nodes]
    first = min((use.node for use in reads), key=list(graph).index)
    inner = _multiplied(graph, first, value, f"{value.name}.entering")
    for use in reads:
        use.node.replace_input_with(use.idx, inner)


def _leave(graph: ir.Graph, node: ir.Node, nodes: Collection[ir.Node]) -> None:
    """Multiply what others read of a node; the product takes its name, which ranges go by."""
    value = node.outputs[0]
    uses = [use for use in value.uses() if use.node not in nodes]
    after = list(graph)[list(graph).index(node) + 1]
    outer = _multiplied(graph, after, value, f"{value.name}.leaving")
    for use in uses:
        use.node.replace_input_with(use.idx, outer)
    outer.name, value.name = value.name, outer.name


def _multiplied(graph: ir.Graph, before: ir.Node, value: ir.Value, name: str) -> ir.Value:
    assert value.shape is not None
    ones = np.ones((1, int(value.shape[1]), 1, 1), np.float32)  # type: ignore[arg-type]
    factor = edit.add_constant(graph, f"{name}.factor", ones)
    result = edit.insert_node(graph, before, "Mul", [value, factor], {}, name)
    result.shape = value.shape
    mark_float(edit.maker(result))
    return result
