"""Rewrite division and powers by constants as operators that targets compute in integers.

x / c = x · (1/c),      x² = x · x,      x^½ = √x,      x¹ = x.

A power that is marked as float arithmetic keeps its mark; it is rewritten because XNNPACK has no
POW. A marked division stays unchanged.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float


def divide_to_multiply(model: ir.Model) -> int:
    """Rewrite x / c as x · (1/c), and the powers x², x^½ and x¹ as x · x, √x and x.

    c is a constant without zeros, of any shape that broadcasts; the exponent is one number. Integer
    nodes and divisions marked as float arithmetic are left unchanged. Exact in real numbers; 1/c is
    rounded to float32, so quotients may differ in the last bits.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    return sum(_rewrite(model.graph, node) for node in list(model.graph) if _may_change(node))


def _may_change(node: ir.Node) -> bool:
    return node.op_type == "Pow" or (node.op_type == "Div" and not is_marked(node))


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    source, operand = node.inputs
    if source is None or operand is None or not edit.is_constant(operand):
        return False
    if edit.is_constant(source) or source.dtype not in (None, ir.DataType.FLOAT):
        return False
    result = _quotient(graph, node) if node.op_type == "Div" else _power(graph, node)
    if result is None:
        return False
    if result is not source:
        result.shape = node.outputs[0].shape
    elif node.outputs[0].is_graph_output():
        return False
    edit.replace_value(node.outputs[0], result)
    edit.remove_node(node)
    return True


def _quotient(graph: ir.Graph, node: ir.Node) -> ir.Value | None:
    source, divisor = node.inputs
    values = edit.contents(divisor).astype(np.float64)
    if not np.all(values):
        return None
    inverse = edit.add_constant(graph, f"{node.name}.inverse", (1 / values).astype(np.float32))
    return edit.insert_node(graph, node, "Mul", [source, inverse], {}, f"{node.name}.product")


def _power(graph: ir.Graph, node: ir.Node) -> ir.Value | None:
    source, exponent = node.inputs
    values = edit.contents(exponent)
    if values.size != 1 or values.ndim > 1:
        return None
    number = float(values.reshape(-1)[0])
    if number == 1.0:
        return source
    replacements = {2.0: ("Mul", [source, source]), 0.5: ("Sqrt", [source])}
    if number not in replacements:
        return None
    kind, inputs = replacements[number]
    result = edit.insert_node(graph, node, kind, inputs, {}, f"{node.name}.{kind.lower()}")
    if is_marked(node):
        mark_float(edit.producer(result))
    return result
