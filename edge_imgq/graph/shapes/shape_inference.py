"""Shape inference by ONNX, with operators that it does not cover.

ONNX infers nothing after GroupNormalization, which since opset 18 has a function body but no shape
rule. Its output has the shape of its input, as for InstanceNormalization, so its nodes are renamed
to that during inference.
"""

from __future__ import annotations

import onnx

SAME_RULE = {"GroupNormalization": "InstanceNormalization"}
"""Operators without a shape rule, and an operator with the same rule for the same inputs."""


def infer_shapes(model: onnx.ModelProto, strict: bool = False) -> onnx.ModelProto:
    """Return a copy of a model with the shapes and types of values that ONNX infers.

    GroupNormalization, for which ONNX has no rule, gets its input's shape.

    Args:
        model: not changed.
        strict: whether contradictions raise, and the contents of computed shapes are propagated;
            else what cannot be inferred stays open.

    Raises:
        onnx.shape_inference.InferenceError: `strict` is set and shapes contradict each other.
    """
    disguised = onnx.ModelProto()
    disguised.CopyFrom(model)
    hidden = {
        index: node.op_type
        for index, node in enumerate(disguised.graph.node)
        if node.op_type in SAME_RULE and not node.domain
    }
    for index, kind in hidden.items():
        disguised.graph.node[index].op_type = SAME_RULE[kind]
    inferred: onnx.ModelProto = onnx.shape_inference.infer_shapes(
        disguised, strict_mode=strict, data_prop=strict
    )
    for index, kind in hidden.items():
        inferred.graph.node[index].op_type = kind
    return inferred
