"""Sums of many tensors that round once.

    s = ((a + b) + c) − d

Each addition of an int8 graph rounds its result. Wavelets and butterflies are made of such chains,
and what one rounds the next ones carry on. Where at least FEWEST sums form one expression, all of
them are marked as float arithmetic (`edge_imgq.graph.float_regions`): its operands are dequantized
once, and the result alone is rounded. Nothing else changes.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.fusion import fused_activation

SUMS = ("Add", "Sub")
FEWEST = 3
"""Sums of one expression. Two are a skip within a skip, which costs less than it gains."""


def mark_sum_chains_float(model: ir.Model) -> int:
    """Mark the sums of long expressions; exact.

    Returns:
        The number of sums marked.
    """
    sums = {node for node in model.graph if _is_sum(node)}
    marked = 0
    for node in model.graph:
        if node not in sums:
            continue
        parts = _expression(node, sums)
        sums -= parts
        if len(parts) >= FEWEST:
            marked += len(parts)
            for part in parts:
                mark_float(part)
    return marked


def _is_sum(node: ir.Node) -> bool:
    plain = node.op_type in SUMS and not is_marked(node) and fused_activation(node) is None
    return plain and not any(map(edit.is_constant, node.inputs))


def _goes_on(value: ir.Value, sums: AbstractSet[ir.Node]) -> bool:
    """Tell whether sums alone make and read a value."""
    readers = value.consumers()
    return value.producer() in sums and bool(readers) and all(node in sums for node in readers)


def _expression(node: ir.Node, sums: AbstractSet[ir.Node]) -> set[ir.Node]:
    """Return the sums that are joined to one by values which sums alone read."""
    found, waiting = {node}, [node]
    while waiting:
        one = waiting.pop()
        joined = [value for value in one.inputs if value is not None and _goes_on(value, sums)]
        others = {edit.maker(value) for value in joined}
        if _goes_on(one.outputs[0], sums):
            others |= set(one.outputs[0].consumers())
        waiting += others - found
        found |= others
    return found
