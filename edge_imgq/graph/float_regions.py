"""Operators that compute in float within an int8 graph.

There are two kinds: operators without an integer kernel in the formats, and nodes that a pass
marked because eight bits cannot represent the values between them (the variance of a
normalisation). The quantizer places no scale between marked nodes. A lowering dequantizes the
inputs of such a region and quantizes its outputs.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.fusion import fused_activation

MARKABLE = frozenset(
    {
        "Add", "MatMul", "Min", "Mul", "ReduceMean", "Relu", "Round", "Sigmoid", "Sub", "Tanh",
        "Unsqueeze",
    }
)  # fmt: skip
"""Operators that passes may mark, in addition to those without an integer kernel."""

FEW_CHANNELS = 4
"""Largest number of input channels of a convolution that is cheap in float."""

MARK, FLOAT = "edge-imgq.arithmetic", "float"


def mark_float(node: ir.Node) -> None:
    """Mark a node, in its metadata, to compute in float once the graph is quantized.

    The float graph computes the same.
    """
    node.metadata_props[MARK] = FLOAT


def reads_few_channels(node: ir.Node) -> bool:
    """Return True for a Conv with constant weights of at most FEW_CHANNELS (4) inputs per group.

    Other nodes, and a Conv with computed weights, give False.
    """
    if node.op_type != "Conv" or not edit.is_constant(node.inputs[1]):
        return False
    return bool(edit.contents(node.inputs[1]).shape[1] <= FEW_CHANNELS)


def mark_layer_float(layer: ir.Node) -> None:
    """Mark a node, and the Relu or Clip that kernels fuse into it, to compute in float.

    Marks are metadata of nodes, which only matter once the graph is quantized.
    """
    follower = fused_activation(layer)
    mark_float(layer)
    if follower is not None:
        mark_float(follower)


def is_marked(node: ir.Node) -> bool:
    """Return True if a pass marked the node to compute in float in a quantized graph."""
    return node.metadata_props.get(MARK) == FLOAT


def stays_float(value: ir.Value) -> bool:
    """Return True if a value is made and read only by marked nodes, so that it gets no scale.

    False for a graph input, a constant and a graph output.
    """
    node = value.producer()
    if node is None or not is_marked(node) or value.is_graph_output():
        return False
    return all(is_marked(consumer) for consumer in value.consumers())


def float_regions(graph: ir.Graph) -> list[list[ir.Node]]:
    """Return the connected regions of nodes marked as float, each in topological order.

    Two marked nodes are connected if one reads an output of the other.
    """
    regions: list[list[ir.Node]] = []
    taken: set[ir.Node] = set()
    for node in graph:
        if is_marked(node) and node not in taken:
            region = _joined(node)
            taken |= region
            regions.append([member for member in graph if member in region])
    return regions


def _joined(node: ir.Node) -> set[ir.Node]:
    region, waiting = {node}, [node]
    while waiting:
        one = waiting.pop()
        before = [value.producer() for value in one.inputs if value is not None]
        readers = [reader for value in one.outputs for reader in value.consumers()]
        near = {other for other in (*before, *readers) if other is not None and is_marked(other)}
        waiting += near - region
        region |= near
    return region
