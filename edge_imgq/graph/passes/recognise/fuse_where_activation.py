"""Fuse activations that are written as Where.

Where(x > 0, x, α·x) = LeakyRelu(x)         Where(x > 0, x, 0) = Relu(x)
Where(x > t, x, Softplus(x)) = Softplus(x)  for t ≥ 15, where both equal x in float32
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

LINEAR = 15.0
"""Threshold above which Softplus(x) − x < 3.1e-7, less than the spacing of float32."""


def fuse_where_activation(model: ir.Model) -> int:
    """Rewrite each Where that computes LeakyRelu, Relu or Softplus as that operator.

    Where(x > 0, x, α·x) with one α becomes LeakyRelu, Where(x > 0, x, 0) Relu, and
    Where(x > t, x, Softplus(x)) Softplus for t ≥ 15; any shape, and ≥, < or ≤ as well. Bit-exact
    for finite values, except that Softplus above its threshold may differ from x by float32
    rounding.

    Args:
        model: edited in place.

    Returns:
        The number of Where nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "Where"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    compared = _threshold(node)
    if compared is None:
        return False
    source, threshold, above, below = compared
    if above is not source or below is None:
        return False
    result = _replacement(graph, node, source, threshold, below)
    if result is None:
        return False
    if result is not below:
        result.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], result)
    edit.remove_dead(node)
    return True


def _replacement(
    graph: ir.Graph, node: ir.Node, source: ir.Value, threshold: float, below: ir.Value
) -> ir.Value | None:
    maker, name = below.producer(), node.name
    if maker is not None and maker.op_type == "Softplus" and threshold >= LINEAR:
        return (
            below if maker.inputs[0] is source and not node.outputs[0].is_graph_output() else None
        )
    if threshold != 0:
        return None
    if edit.is_constant(below) and not np.any(edit.contents(below)):
        return edit.insert_node(graph, node, "Relu", [source], {}, f"{name}.relu")
    if maker is None or maker.op_type != "Mul" or source not in maker.inputs:
        return None
    slope = maker.inputs[1] if maker.inputs[0] is source else maker.inputs[0]
    if not edit.is_constant(slope) or edit.contents(slope).size != 1:
        return None
    alpha = {"alpha": float(edit.contents(slope).reshape(-1)[0])}
    return edit.insert_node(graph, node, "LeakyRelu", [source], alpha, f"{name}.leaky")


def _threshold(
    node: ir.Node,
) -> tuple[ir.Value, float, ir.Value | None, ir.Value | None] | None:
    """Return the compared value, the threshold and the values chosen above and below, or None."""
    condition, chosen, other = node.inputs
    comparison = edit.find_producer(condition)
    if comparison is None or comparison.op_type not in ABOVE | BELOW:
        return None
    source, number = comparison.inputs
    if source is None or not edit.is_constant(number) or edit.contents(number).size != 1:
        return None
    threshold = float(edit.contents(number).reshape(-1)[0])
    if comparison.op_type in ABOVE:
        return source, threshold, chosen, other
    return source, threshold, other, chosen


ABOVE, BELOW = frozenset({"Greater", "GreaterOrEqual"}), frozenset({"Less", "LessOrEqual"})
