"""Insert per-channel factors at the ends of float regions, so that gains apply inside int8 regions.

A float region reads and writes integers with one scale for all channels. At both ends it can
multiply each channel by a factor:

    q = round(e · x / s),   x = (1/e) · dequantize(q),   …,   round(g · y / t)

So its inputs and outputs have gains (`edge_imgq.quantize.steps.channel_equivalence`), although its
operators do not support them. Exact in real numbers. Factors are inserted as ones; equalization
sets their values, and those that remain one are removed. Values that nodes of a region read from
each other are not rounded, even if int8 nodes read them too: a trunk of float sums and norms stays
float, and int8 layers read a rounded copy.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float, stays_float


def insert_edge_factors(graph: ir.Graph, nodes: Collection[ir.Node]) -> None:
    """Insert factors of one around a region that computes in float, in place; bit-exact.

    A factor is a Mul by float32 ones (1, C, 1, 1), so that equalization can scale channels there.
    Inputs and outputs of the graph, and values of one channel, get none.

    Args:
        graph: float graph.
        nodes: marked nodes of the region; 4-D values that enter or leave it get a factor.
    """
    read = {v: None for node in nodes for v in node.inputs if v is not None}  # an ordered set
    for value in read:
        if value.producer() not in nodes and not edit.is_constant(value) and _has_gains(value):
            _enter(graph, value, nodes)
    for node in nodes:
        if not stays_float(node.outputs[0]) and _has_gains(node.outputs[0]):
            _leave(graph, node, nodes)


def is_factor(node: ir.Node) -> bool:
    """Return True if a node multiplies each channel of an image by a constant, marked as float.

    The constant is (1, C, 1, 1), C the channels of the node's first input.
    """
    if node.op_type != "Mul" or not is_marked(node) or not edit.is_constant(node.inputs[1]):
        return False
    source, factor = node.inputs[0], edit.contents(node.inputs[1])
    channels = None if source is None or source.shape is None else list(source.shape)[1:2]
    return factor.ndim == 4 and channels == [factor.size] and factor.shape[1] == factor.size


def remove_idle_factors(graph: ir.Graph) -> None:
    """Remove the factors of `insert_edge_factors` that are one in all channels, in place.

    Bit-exact. A factor at the end of a region stays if its input has other readers, which get it
    unrounded. Where one is removed there, the region's output takes the name of the product.
    """
    for node in [node for node in graph if is_factor(node)]:
        source, result = node.inputs[0], node.outputs[0]
        if source is None or (edit.contents(node.inputs[1]) != 1).any():
            continue
        leaves = stays_float(source) and not stays_float(result)
        if leaves and len(source.uses()) > 1:
            continue  # its other readers get unrounded values
        result.replace_all_uses_with(source)
        edit.remove_node(node)
        if leaves:
            source.name = result.name  # ranges are keyed by the stored value's name


def _has_gains(value: ir.Value) -> bool:
    """Return True if a computed 4-D value has several channels and is not a graph output."""
    shape = value.shape
    known = shape is not None and len(shape) == 4 and isinstance(shape[1], int) and shape[1] > 1
    return known and value.producer() is not None and not value.is_graph_output()


def _enter(graph: ir.Graph, value: ir.Value, nodes: Collection[ir.Node]) -> None:
    """Multiply a value that enters the region by a factor."""
    reads = [use for use in value.uses() if use.node in nodes]
    first = min((use.node for use in reads), key=list(graph).index)
    inner = _multiplied(graph, first, value, f"{value.name}.entering")
    for use in reads:
        use.node.replace_input_with(use.idx, inner)


def _leave(graph: ir.Graph, node: ir.Node, nodes: Collection[ir.Node]) -> None:
    """Multiply a value that leaves the region; the product takes its name, the key of its range."""
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
    mark_float(edit.producer(result))
    return result
