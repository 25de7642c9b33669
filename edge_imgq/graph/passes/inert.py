"""Nodes that do nothing once a network is trained: Identity, Dropout, Cast from float to float."""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit


def inert(model: ir.Model) -> int:
    """Remove inert nodes whose input another node computes; exact.

    Returns:
        The number of nodes removed.
    """
    nodes = [node for node in model.graph if _is_inert(node)]
    return sum(_remove(node) for node in nodes)


def _is_inert(node: ir.Node) -> bool:
    if any(value.uses() or value.is_graph_output() for value in node.outputs[1:]):
        return False
    if node.op_type == "Cast":
        source = node.inputs[0]
        kept = source is not None and source.dtype is ir.DataType.FLOAT
        return kept and node.attributes.get_int("to") == ir.DataType.FLOAT.value
    if node.op_type == "Dropout":
        training = node.inputs[2] if len(node.inputs) > 2 else None
        return training is None or (edit.is_constant(training) and not edit.contents(training))
    return node.op_type == "Identity"


def _remove(node: ir.Node) -> bool:
    source, result = node.inputs[0], node.outputs[0]
    if source is None or (result.is_graph_output() and source.producer() is None):
        return False
    if result.is_graph_output() and source.is_graph_output():
        return False
    edit.take_place(result, source)
    edit.remove_node(node)
    return True
