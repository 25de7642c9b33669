"""Split Max, Min and Sum of several tensors into a chain of two-operand nodes.

Max(a, b, c) = Max(Max(a, b), c),      Sum(a, b, c) = Add(Add(a, b), c).
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit

PAIR = {"Max": "Max", "Min": "Min", "Sum": "Add"}


def split_variadic(model: ir.Model) -> int:
    """Split Max and Min of more than two inputs, and Sum of two or more, into two-operand nodes.

    Max(a, b, c) becomes Max(Max(a, b), c), and Sum(a, b, c) Add(Add(a, b), c). Bit-exact: sums are
    added from left to right, as ONNX Runtime adds.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type in PAIR and _is_long(node)]
    for node in nodes:
        _rewrite(model.graph, node)
    return len(nodes)


def _is_long(node: ir.Node) -> bool:
    if node.op_type == "Sum" and len(node.inputs) == 2:
        return True
    return len(node.inputs) > 2


def _rewrite(graph: ir.Graph, node: ir.Node) -> None:
    kind = PAIR[node.op_type]
    result = node.inputs[0]
    for index, operand in enumerate(node.inputs[1:]):
        result = edit.insert_node(graph, node, kind, [result, operand], {}, f"{node.name}.{index}")
    assert result is not None
    result.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], result)
    edit.remove_node(node)
