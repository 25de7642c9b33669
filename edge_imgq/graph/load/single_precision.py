"""Convert models in float16, bfloat16 or float64 to float32: weights, values and casts.

Float16 and bfloat16 convert exactly; float64 is rounded. The float32 model is the reference against
which files are measured.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

OTHERS = frozenset({TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})


def to_float32(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert a model's float16, bfloat16 and float64 tensors, values and casts to float32.

    Float64 is rounded, the others convert exactly. Nodes then compute in float32, so results
    differ by the rounding of the other type.

    Returns:
        A copy, or the model itself if it has no other float type.
    """
    tensors = [*model.graph.initializer, *_attribute_tensors(model)]
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    mixed = any(tensor.data_type in OTHERS for tensor in tensors)
    if not mixed and not any(v.type.tensor_type.elem_type in OTHERS for v in values):
        return model
    single = onnx.ModelProto()
    single.CopyFrom(model)
    for tensor in [*single.graph.initializer, *_attribute_tensors(single)]:
        if tensor.data_type in OTHERS:
            array = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    del single.graph.value_info[:]
    for value in [*single.graph.input, *single.graph.output]:
        if value.type.tensor_type.elem_type in OTHERS:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in single.graph.node:
        for attribute in node.attribute:
            if (node.op_type, attribute.name) == ("Cast", "to") and attribute.i in OTHERS:
                attribute.i = TensorProto.FLOAT
    return single


def _attribute_tensors(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Return the tensors in node attributes."""
    return [
        attribute.t
        for node in model.graph.node
        for attribute in node.attribute
        if attribute.HasField("t")
    ]
