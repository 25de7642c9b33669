"""Round long sums of tensors once, by marking them as float arithmetic.

    s = ((a + b) + c) − d

In an int8 graph each addition rounds its result. Wavelets and butterflies consist of such chains,
and the rounding errors accumulate. If at least MIN_ADDITIONS sums form one expression, all of them
are marked (`edge_imgq.graph.float_regions`): operands are dequantized once, and only the result is
rounded.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.fusion import fused_activation

SUMS = ("Add", "Sub")
MIN_ADDITIONS = 3
"""Fewest additions in an expression that is marked.

Two are a nested skip, where the conversions cost more than the saved rounding gains.
"""


def mark_sum_chains_float(model: ir.Model) -> int:
    """Mark Add and Sub nodes of sums of at least 4 tensors, to be computed in float.

    A quantized graph then rounds such a sum, ((a + b) + c) − d, once. Counted are at least
    MIN_ADDITIONS (3) nodes joined by values that only such nodes read; those with a constant
    operand or a fused activation do not count. Marks are metadata of nodes; the float graph
    computes the same.

    Args:
        model: edited in place.

    Returns:
        The number of sums marked.
    """
    sums = {node for node in model.graph if _is_sum(node)}
    marked = 0
    for node in model.graph:
        if node not in sums:
            continue
        nodes = _expression(node, sums)
        sums -= nodes
        if len(nodes) >= MIN_ADDITIONS:
            marked += len(nodes)
            for member in nodes:
                mark_float(member)
    return marked


def _is_sum(node: ir.Node) -> bool:
    plain = node.op_type in SUMS and not is_marked(node) and fused_activation(node) is None
    return plain and not any(map(edit.is_constant, node.inputs))


def _goes_on(value: ir.Value, sums: AbstractSet[ir.Node]) -> bool:
    """Return True if a sum computes a value and only sums read it."""
    readers = value.consumers()
    return value.producer() in sums and bool(readers) and all(node in sums for node in readers)


def _expression(node: ir.Node, sums: AbstractSet[ir.Node]) -> set[ir.Node]:
    """Return the sums that are connected to a node by values which only sums read."""
    nodes, waiting = {node}, [node]
    while waiting:
        one = waiting.pop()
        joined = [value for value in one.inputs if value is not None and _goes_on(value, sums)]
        others = {edit.producer(value) for value in joined}
        if _goes_on(one.outputs[0], sums):
            others |= set(one.outputs[0].consumers())
        waiting += others - nodes
        nodes |= others
    return nodes
