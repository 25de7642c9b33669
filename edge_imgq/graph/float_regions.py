"""Which operators compute in float even where the graph around them is int8.

Two kinds: operators that the formats have no integer kernel for, and nodes that a pass marked
because eight bits cannot hold what lies between them (the variance of a normalisation). The
quantizer puts no scale between marked nodes. A lowering dequantizes what enters such an operator
and quantizes what leaves it.
"""

from __future__ import annotations

import onnx_ir as ir

MARKABLE = frozenset(
    {
        "Add", "MatMul", "Min", "Mul", "ReduceMean", "Relu", "Round", "Sigmoid", "Sub", "Tanh",
        "Unsqueeze",
    }
)  # fmt: skip
"""Operators that a pass may mark besides."""

MARK, FLOAT = "edge-imgq.arithmetic", "float"


def mark_float(node: ir.Node) -> None:
    """Let a node compute in float in a quantized graph."""
    node.metadata_props[MARK] = FLOAT


def is_marked(node: ir.Node) -> bool:
    """Tell whether a pass marked a node."""
    return node.metadata_props.get(MARK) == FLOAT


def stays_float(value: ir.Value) -> bool:
    """Tell whether a value lies between marked nodes, where no quantizer may stand."""
    node = value.producer()
    if node is None or not is_marked(node) or value.is_graph_output():
        return False
    return all(is_marked(consumer) for consumer in value.consumers())


def float_regions(graph: ir.Graph) -> list[list[ir.Node]]:
    """Return the marked nodes, those that values join together; in order."""
    regions: list[list[ir.Node]] = []
    taken: set[ir.Node] = set()
    for node in graph:
        if is_marked(node) and node not in taken:
            found = _joined(node)
            taken |= found
            regions.append([member for member in graph if member in found])
    return regions


def _joined(node: ir.Node) -> set[ir.Node]:
    found, waiting = {node}, [node]
    while waiting:
        one = waiting.pop()
        before = [value.producer() for value in one.inputs if value is not None]
        behind = [reader for value in one.outputs for reader in value.consumers()]
        near = {other for other in (*before, *behind) if other is not None and is_marked(other)}
        waiting += near - found
        found |= near
    return found
