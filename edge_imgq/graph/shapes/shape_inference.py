"""Shape inference by ONNX, with operators that it does not cover.

ONNX infers nothing after GroupNormalization, which since opset 18 has a function body but no shape
rule. Its output has the shape of its input, as for InstanceNormalization, so its nodes are renamed
to that during inference.
"""

from __future__ import annotations

import onnx

STANDS_IN = {"GroupNormalization": "InstanceNormalization"}
"""Operators without a shape rule, and an operator with the same rule for the same inputs."""


def infer_shapes(model: onnx.ModelProto, strict: bool = False) -> onnx.ModelProto:
    """Return a copy of a model with inferred shapes.

    Args:
        model: not changed.
        strict: whether contradictions raise, and computed shapes are propagated.

    Raises:
        onnx.shape_inference.InferenceError: `strict` is set and shapes contradict each other.
    """
    disguised = onnx.ModelProto()
    disguised.CopyFrom(model)
    hidden = {
        place: node.op_type
        for place, node in enumerate(disguised.graph.node)
        if node.op_type in STANDS_IN and not node.domain
    }
    for place, kind in hidden.items():
        disguised.graph.node[place].op_type = STANDS_IN[kind]
    inferred: onnx.ModelProto = onnx.shape_inference.infer_shapes(
        disguised, strict_mode=strict, data_prop=strict
    )
    for place, kind in hidden.items():
        inferred.graph.node[place].op_type = kind
    return inferred
