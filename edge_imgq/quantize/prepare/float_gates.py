"""Find gates, which compute in float where this lowers the image error.

A gate multiplies an image by a sigmoid or tanh of it or of another image: x · σ(x), (x + y) · (σ(y)
− ½), x · σ(pool(x)). In int8 every step is rounded, the sigmoid to a scale that the formats fix.
One scale serves all channels of its inputs and outputs, because a per-channel gain does not pass
through a sigmoid or a product. In float between one DEQUANTIZE and one QUANTIZE the gate rounds
once, and its inputs and outputs can have gains (`edge_imgq.quantize.prepare.float_region_gains`).

`edge_imgq.quantize.prepare.float_operators` decides whether that pays.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import fused_activation

GATING = frozenset({"Sigmoid", "Tanh"})
"""Operators whose result is a gate if it is a factor of a product."""

INSIDE = GATING | {"Add", "Mul", "Sub"}
"""Operators that a gate consists of."""


def find_gates(graph: ir.Graph) -> list[list[ir.Node]]:
    """Find all gates that still compute in int8; return the nodes of each, in graph order.

    A gate multiplies an image by a sigmoid or tanh of it or of another image, such as x · σ(x). Its
    nodes are the product, its fused activation, and the Sigmoid, Tanh, Add, Sub and Mul nodes that
    only the gate reads.
    """
    gates: list[list[ir.Node]] = []
    taken: set[ir.Node] = set()
    order = {node: index for index, node in enumerate(graph)}
    for node in reversed(order):
        if node not in taken and is_product(node):
            nodes = sorted(_nodes_of(node), key=order.__getitem__)
            if any(member.op_type in GATING for member in nodes):
                gates.append(nodes)
                taken.update(nodes)
    return gates[::-1]


def is_product(node: ir.Node) -> bool:
    """Return True if a node multiplies two computed images (N, C, H, W), not marked float."""
    plain = node.op_type == "Mul" and not is_marked(node)
    return plain and not any(map(edit.is_constant, node.inputs)) and is_image(node.outputs[0])


def is_image(value: ir.Value) -> bool:
    """Return True if a value is 4-D (N, C, H, W)."""
    return value.shape is not None and len(value.shape) == 4


def _nodes_of(product: ir.Node) -> set[ir.Node]:
    """Return a product, its fused activation, and the nodes that only compute its factors."""
    fused = fused_activation(product)
    nodes = {product} if fused is None else {product, fused}
    ahead = list(nodes)
    while ahead:
        for value in ahead.pop().inputs:
            node = None if value is None else value.producer()
            if node is not None and node not in nodes and _belongs(node, nodes):
                nodes.add(node)
                ahead.append(node)
    return nodes


def _belongs(node: ir.Node, nodes: set[ir.Node]) -> bool:
    """Return True if a node can be inside a gate and only nodes of the gate read it."""
    if node.op_type not in INSIDE or is_marked(node) or fused_activation(node) is not None:
        return False
    value = node.outputs[0]
    return not value.is_graph_output() and nodes.issuperset(value.consumers())
