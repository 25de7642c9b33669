"""Rewrite HardSigmoid as a multiplication, an addition and a Clip.

HardSigmoid(x) = clip(α·x + β, 0, 1)
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


def decompose_hard_sigmoid(model: ir.Model) -> int:
    """Rewrite each HardSigmoid as a Mul, an Add and a Clip: clip(α·x + β, 0, 1).

    Exact in real numbers, float32 rounding may differ. Any shape.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "HardSigmoid"]
    for node in nodes:
        _rewrite(model.graph, node)
    return len(nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> None:
    name = node.name or "hard_sigmoid"

    def number(value: float, suffix: str) -> ir.Value:
        return edit.add_constant(graph, f"{name}.{suffix}", np.float32(value))

    slope = number(node.attributes.get_float("alpha", 0.2), "slope")
    offset = number(node.attributes.get_float("beta", 0.5), "offset")
    scaled = edit.insert_node(graph, node, "Mul", [node.inputs[0], slope], {}, f"{name}.scaled")
    line = edit.insert_node(graph, node, "Add", [scaled, offset], {}, f"{name}.line")
    bounds = [number(0, "low"), number(1, "high")]
    clipped = edit.insert_node(graph, node, "Clip", [line, *bounds], {}, f"{name}.clipped")
    for value in (scaled, line, clipped):
        value.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], clipped)
    edit.remove_node(node)
