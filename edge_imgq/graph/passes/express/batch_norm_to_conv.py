"""Rewrite a batch normalisation that no convolution absorbed as a depthwise 1×1 convolution.

With running mean m and variance v,

    y = (x − m) / √(v + ε) · γ + β = a·x + (β − a·m),        a = γ / √(v + ε).

Simplifiers fold it into a preceding convolution. Without one, a multiplication and an addition per
channel remain; a depthwise convolution computes both with one rounding.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


def batch_norm_to_conv(model: ir.Model) -> int:
    """Rewrite each inference-mode BatchNormalization as a depthwise 1×1 convolution.

    It computes a·x + (β − a·m), a = γ / √(v + ε), with the stored mean m and variance v of each
    channel. Its input is (N, C, H, W), its parameters are constant. Exact in real numbers; a and
    β − a·m are computed in float64 and rounded to float32.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "BatchNormalization"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    source = node.inputs[0]
    if source is None or source.shape is None or len(source.shape) != 4:
        return False
    if node.attributes.get_int("training_mode", 0):
        return False
    if not all(edit.is_constant(value) for value in node.inputs[1:]):
        return False
    gain, shift, mean, variance = (
        edit.contents(value).astype(np.float64) for value in node.inputs[1:]
    )
    slope = gain / np.sqrt(variance + node.attributes.get_float("epsilon", 1e-5))
    name = node.name or "batch_norm"
    kernel = slope.astype(np.float32).reshape(-1, 1, 1, 1)
    inputs: list[ir.Value | None] = [
        source,
        edit.add_constant(graph, f"{name}.slope", kernel),
        edit.add_constant(graph, f"{name}.offset", (shift - slope * mean).astype(np.float32)),
    ]
    attributes = {"kernel_shape": [1, 1], "group": len(slope)}
    result = edit.insert_node(graph, node, "Conv", inputs, attributes, f"{name}.line")
    result.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], result)
    edit.remove_node(node)
    return True
