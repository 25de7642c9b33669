"""Fuse GELU from the patterns that networks and exporters write.

    ½·x·(1 + erf(x/√2))                           Gelu
    ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))      Gelu of approximation "tanh"

The factors ½, x and the sum may be multiplied in any order, x/√2 may be a product or a quotient,
and the cube a power or products. The match is by function: products are collected into factors, and
the inner polynomial is read as coefficients of x.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

TOLERANCE = 1e-3
"""Relative tolerance of the constants; checkpoints round them to float16 or write 0.7978."""

MAX_DEPTH = 8
"""Most operators in a row that are read as one formula; known forms of GELU have at most 5."""

PATTERNS: dict[str, tuple[str, dict[int, float]]] = {
    "Erf": ("none", {1: math.sqrt(0.5)}),
    "Tanh": ("tanh", {1: math.sqrt(2 / math.pi), 3: 0.044715 * math.sqrt(2 / math.pi)}),
}
"""Gelu's `approximation`, and the coefficients of the argument by power, by inner function."""


def fuse_gelu(model: ir.Model) -> int:
    """Fuse ½·x·(1 + erf(x/√2)), or its tanh approximation, into a Gelu node.

    The approximation is ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))). Any shape; factors may come in
    any order. The network's constants may differ by 0.1 % (TOLERANCE), as if rounded to float16,
    and are replaced by the exact ones; otherwise exact in real numbers.

    Args:
        model: edited in place.

    Returns:
        The number of activations fused.
    """
    count = 0
    for node in list(model.graph):
        if node.op_type in PATTERNS and node.graph is not None:
            count += _rewrite(model.graph, node)
    return count


def _rewrite(graph: ir.Graph, function: ir.Node) -> bool:
    approximate, wanted = PATTERNS[function.op_type]
    total = edit.sole_consumer(function.outputs[0])
    source = _argument(function.inputs[0], wanted)
    if source is None or total is None or total.op_type != "Add" or _number(total) != 1.0:
        return False
    last = total
    for _ in range(MAX_DEPTH):
        after = edit.sole_consumer(last.outputs[0])
        if after is None or after.op_type != "Mul":
            break
        last = after
        factors, number = _factors(last.outputs[0], total.outputs[0], source)
        if factors == {source: 1, total.outputs[0]: 1} and abs(number - 0.5) < TOLERANCE:
            _replace(graph, last, source, approximate)
            return True
    return False


def _replace(graph: ir.Graph, last: ir.Node, source: ir.Value, approximate: str) -> None:
    attributes = {"approximate": approximate}
    result = edit.insert_node(graph, last, "Gelu", [source], attributes, f"{last.name}.gelu")
    result.shape = last.outputs[0].shape
    edit.replace_value(last.outputs[0], result)
    edit.remove_dead(last)


def _argument(value: ir.Value | None, wanted: dict[int, float]) -> ir.Value | None:
    """Return the x of which a value is the polynomial with these coefficients, or None."""
    inner = value
    for _ in range(MAX_DEPTH):
        node = edit.find_producer(inner)
        if node is None or node.op_type not in ("Add", "Div", "Mul", "Pow"):
            break
        candidates = [v for v in node.inputs if v is not None and not edit.is_constant(v)]
        for candidate in candidates:
            coefficients = _polynomial(value, candidate)
            if coefficients is not None and _alike(coefficients, wanted):
                return candidate
        inner = candidates[0] if candidates else None
    return None


def _alike(coefficients: dict[int, float], wanted: dict[int, float]) -> bool:
    return coefficients.keys() == wanted.keys() and all(
        abs(coefficients[power] - wanted[power]) < TOLERANCE * wanted[power] for power in wanted
    )


def _polynomial(
    value: ir.Value | None, x: ir.Value, depth: int = MAX_DEPTH
) -> dict[int, float] | None:
    """Return the coefficients of a value as a polynomial of x, by power, or None.

    None too if it is more than `depth` operators deep.
    """
    if value is x:
        return {1: 1.0}
    if value is not None and edit.is_constant(value) and edit.contents(value).size == 1:
        return {0: float(edit.contents(value).reshape(-1)[0])}
    node = edit.find_producer(value)
    if node is None or len(node.inputs) != 2 or not depth:
        return None
    one, other = (_polynomial(operand, x, depth - 1) for operand in node.inputs)
    if one is None or other is None:
        return None
    if node.op_type == "Add":
        return {p: one.get(p, 0.0) + other.get(p, 0.0) for p in one.keys() | other.keys()}
    if node.op_type == "Div" and other.keys() == {0} and other[0]:
        return {p: factor / other[0] for p, factor in one.items()}
    if node.op_type == "Pow" and len(one) == 1 and other.keys() == {0} and other[0] in (2.0, 3.0):
        (power, factor), exponent = next(iter(one.items())), int(other[0])
        return {power * exponent: factor**exponent}
    return _multiplied(one, other) if node.op_type == "Mul" else None


def _multiplied(one: dict[int, float], other: dict[int, float]) -> dict[int, float]:
    product: dict[int, float] = {}
    for p, a in one.items():
        for q, b in other.items():
            product[p + q] = product.get(p + q, 0.0) + a * b
    return product


def _factors(value: ir.Value, *leaves: ir.Value) -> tuple[dict[ir.Value, int], float]:
    """Return the factors of a product down to some values, and the product of its constants."""
    counts: dict[ir.Value, int] = {}
    number, stack = 1.0, [value]
    while stack:
        top = stack.pop()
        node = top.producer()
        constant = edit.is_constant(top) and edit.contents(top).size == 1
        if constant:
            number *= float(edit.contents(top).reshape(-1)[0])
        elif top in leaves or node is None or node.op_type not in ("Mul", "Div"):
            counts[top] = counts.get(top, 0) + 1
            if sum(counts.values()) > len(leaves):
                break  # more than one of each; powers of powers would have any number
        elif node.op_type == "Mul":
            stack += [operand for operand in node.inputs if operand is not None]
        elif edit.is_constant(node.inputs[1]) and edit.contents(node.inputs[1]).size == 1:
            number /= float(np.asarray(edit.contents(node.inputs[1])).reshape(-1)[0])
            stack += [operand for operand in node.inputs[:1] if operand is not None]
        else:
            counts[top] = counts.get(top, 0) + 1
    return counts, number


def _number(total: ir.Node) -> float | None:
    """Return the number that a sum adds, or None."""
    for value in total.inputs:
        if edit.is_constant(value) and edit.contents(value).size == 1:
            return float(edit.contents(value).reshape(-1)[0])
    return None
