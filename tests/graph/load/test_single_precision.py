"""Models in other float types compute in float32 what they computed, by ONNX Runtime on each."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.graph.load.opset import OPSET
from edge_imgq.graph.load.single_precision import to_float32

IMAGE = np.random.default_rng(6).random((1, 3, 4, 5))


def scaled_image(kind: int) -> onnx.ModelProto:
    """Return a model of one float type, with a constant, an initializer and a cast to that type."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    third = numpy_helper.from_array(np.array([1 / 3], dtype))
    nodes = [
        helper.make_node("Constant", [], ["third"], value=third),
        helper.make_node("Cast", ["count"], ["two"], to=kind),
        helper.make_node("Mul", ["image", "third"], ["shade"]),
        helper.make_node("Mul", ["shade", "two"], ["light"]),
        helper.make_node("Add", ["light", "offset"], ["out"]),
    ]
    offset = numpy_helper.from_array(np.linspace(0, 1, 5).astype(dtype), "offset")
    count = numpy_helper.from_array(np.array([2]), "count")
    ends = [helper.make_tensor_value_info(name, kind, IMAGE.shape) for name in ("image", "out")]
    graph = helper.make_graph(nodes, "shade", ends[:1], ends[1:], [offset, count])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 10
    return model


def run(model: onnx.ModelProto, image: Any) -> Any:
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": image})[0]


@pytest.mark.parametrize(("kind", "off"), [(TensorProto.FLOAT16, 2e-3), (TensorProto.DOUBLE, 2e-7)])
def test_a_model_in_another_type_takes_and_returns_float32(kind: int, off: float) -> None:
    model = scaled_image(kind)
    before = model.SerializeToString()
    single = to_float32(model)
    assert model.SerializeToString() == before
    onnx.checker.check_model(single, full_check=True)
    image = IMAGE.astype(helper.tensor_dtype_to_np_dtype(kind))
    result = run(single, image.astype(np.float32))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, run(model, image), atol=off)


def test_a_model_in_float32_is_returned_itself() -> None:
    model = scaled_image(TensorProto.FLOAT)
    assert to_float32(model) is model
