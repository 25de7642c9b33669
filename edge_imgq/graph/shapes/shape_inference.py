"""The shapes of a graph's values, by ONNX's own inference.

ONNX infers nothing behind GroupNormalization, which since opset 18 has a body but no rule for
shapes. It gives back an image of the size that it got, as InstanceNormalization does, so its nodes
pass for that operator meanwhile.
"""

from __future__ import annotations

import onnx

STANDS_IN = {"GroupNormalization": "InstanceNormalization"}
"""Operators without a rule, by what gives the same shape from the same inputs."""


def infer_shapes(model: onnx.ModelProto, strict: bool = False) -> onnx.ModelProto:
    """Return a copy of a model with the shapes of its values.

    Args:
        model: it is not changed.
        strict: whether a contradiction is an error, and shapes that are computed are followed.

    Raises:
        onnx.shape_inference.InferenceError: shapes contradict each other, where it is `strict`.
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
