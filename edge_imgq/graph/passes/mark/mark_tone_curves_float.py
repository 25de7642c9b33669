"""Mark tone curves, and the arithmetic between them, as float arithmetic.

A curve such as sRGB's decoding, x ≤ 0.04 ? x / 12.92 : ((x + 0.055) / 1.055)^2.4, maps dark pixels
to a few ten-thousandths, below the first of 255 levels; encoded again they would be black.
Logarithms, roots and exponentials behave alike. So a curve is marked
(`edge_imgq.graph.float_regions`), with the arithmetic that computes its input, up to the layers,
which stay in integers. A layer reads a marked value through an Identity, where it is rounded for
that layer only.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.fusion import clip_bounds, fused_activation

CURVES = frozenset({"Exp", "Log", "Pow", "Sqrt", "Where"})
"""Functions that are steep or flat somewhere in the range of an image."""

ARITHMETIC = frozenset(
    {
        "Abs", "Add", "And", "Cast", "Ceil", "Clip", "Cos", "Div", "Equal", "Floor", "Greater",
        "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min", "Mul", "Neg", "Not", "Or",
        "Reciprocal", "Relu", "Round", "Sign", "Sin", "Sub", "Xor", *CURVES,
    }
)  # fmt: skip
"""Operators between two curves that may be computed in float with them."""


def mark_tone_curves_float(model: ir.Model) -> int:
    """Mark powers, logarithms, roots, exponentials and choices, and the arithmetic that feeds them.

    When the graph is quantized, these Pow, Log, Sqrt, Exp and Where nodes and the elementwise
    arithmetic upstream compute in float; convolutions stay in integers. Pow with exponents 2, 1, 0
    or negative integers does not count. Where both marked and unmarked nodes read a marked value,
    the latter read it through a marked Identity. The float graph computes the same.

    Args:
        model: edited in place.

    Returns:
        The number of curves marked.
    """
    curves = [node for node in model.graph if _is_curve(node) and not is_marked(node)]
    marked: list[ir.Node] = []
    for node in curves:
        _mark(node, marked)
    for node in marked:
        _round_for_layers(model.graph, node)
    return len(curves)


def _is_curve(node: ir.Node) -> bool:
    if node.op_type not in CURVES or node.outputs[0].dtype is ir.DataType.BOOL:
        return False
    if node.op_type != "Pow":
        return True
    exponent = node.inputs[1]
    if not edit.is_constant(exponent) or edit.contents(exponent).size != 1:
        return True
    power = float(edit.contents(exponent).reshape(-1)[0])
    return power != round(power) or power > 2


def _mark(node: ir.Node, marked: list[ir.Node]) -> None:
    """Mark a node and the arithmetic upstream of it, appending each node to `marked`."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if is_marked(node):
            continue
        mark_float(node)
        marked.append(node)
        sources = (edit.find_producer(value) for value in node.inputs)
        waiting += [s for s in sources if s is not None and _is_arithmetic(s)]


def _is_arithmetic(node: ir.Node) -> bool:
    """Return True if a node may be computed in float; a Clip that a layer fuses may not."""
    if node.op_type not in ARITHMETIC:
        return False
    before = edit.find_producer(node.inputs[0]) if clip_bounds(node) is not None else None
    return before is None or fused_activation(before) is None or before.op_type in ARITHMETIC


def _round_for_layers(graph: ir.Graph, node: ir.Node) -> None:
    """Let unmarked readers of a marked value read an Identity of it if others are marked."""
    value = node.outputs[0]
    readers = [use for use in value.uses() if not is_marked(use.node)]
    if value.dtype is ir.DataType.BOOL or len(readers) == len(list(value.uses())):
        return
    if not readers or value.is_graph_output():
        return
    name = edit.free_name(graph, f"{node.name}.read")
    rounded = ir.node("Identity", [value], name=name)
    result = rounded.outputs[0]
    result.name, result.shape, result.type = name, value.shape, value.type
    mark_float(rounded)
    graph.insert_after(node, rounded)
    for use in readers:
        use.node.replace_input_with(use.idx, result)
