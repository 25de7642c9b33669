"""Rewrite batch normalisation that was exported in training mode.

It normalises by the mean and variance of the batch, not by stored statistics. For a batch of one
image these are the image's own, over height and width. If no node reads the running statistics,

    BatchNormalization(x, s, b, mean, var; training) = InstanceNormalization(x, s, b).
"""

from __future__ import annotations

import onnx
from onnx import helper

STATED = 14
"""First opset with the attribute `training_mode`; before, five outputs indicated it."""


def without_training_norms(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace batch normalisations in training mode by InstanceNormalization.

    Exact in real numbers for a batch of one image, whose own mean and variance per channel they
    use. A norm is kept if its computed statistics are read, or if the batch is known to hold
    several images; `edge_imgq.graph.load.refusals` then refuses it.

    Returns:
        A copy, or the model itself if it has no such node.
    """
    chosen = [node.output[0] for node in training_norms(model) if _is_alone(model, node)]
    if not chosen:
        return model
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for node in result.graph.node:
        if node.output[:1] and node.output[0] in chosen:
            epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
            inputs, outputs = list(node.input)[:3], list(node.output)[:1]
            plain = helper.make_node(
                "InstanceNormalization", inputs, outputs, name=node.name, epsilon=epsilon
            )
            node.CopyFrom(plain)
    return result


def training_norms(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Return the BatchNormalization nodes that are in training mode, in graph order.

    From opset 14 on their attribute `training_mode` says so; before, more than one output does.
    """
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    norms = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    return [node for node in norms if not node.domain and _trains(node, opset)]


def _trains(node: onnx.NodeProto, opset: int) -> bool:
    if opset >= STATED:
        return any(a.name == "training_mode" and a.i for a in node.attribute)
    return sum(bool(name) for name in node.output) > 1


def _is_alone(model: onnx.ModelProto, node: onnx.NodeProto) -> bool:
    """Return True if no node reads a norm's statistics and no input has a batch above one."""
    statistics = {name for name in node.output[1:] if name}
    read = {name for other in model.graph.node for name in other.input}
    read |= {value.name for value in model.graph.output}
    constants = {tensor.name for tensor in model.graph.initializer}
    batches = [
        value.type.tensor_type.shape.dim[0].dim_value
        for value in model.graph.input
        if value.name not in constants and value.type.tensor_type.shape.dim
    ]
    return not statistics & read and all(batch in (0, 1) for batch in batches)
