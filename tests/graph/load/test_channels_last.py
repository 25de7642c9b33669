"""Models of images with channels last take them first, and give the same numbers in ORT."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.graph.load.channels_last import channels_first
from edge_imgq.graph.load.opset import OPSET

TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
IMAGE = np.random.default_rng(3).random((1, 6, 8, 3), np.float32)


def by_channel(shape: tuple[int, ...], axis: int) -> onnx.ModelProto:
    """Return image · (1, 2, 3) along an axis, with the product and its mean over it as outputs."""
    sides = [3 if index == axis else 1 for index in range(len(shape))]
    gains = numpy_helper.from_array(np.float32([1, 2, 3]).reshape(sides), "gains")
    axes = numpy_helper.from_array(np.array([axis]), "axes")
    nodes = [
        helper.make_node("Mul", ["image", "gains"], ["out"]),
        helper.make_node("ReduceMean", ["out", "axes"], ["mean"]),
    ]
    mean = [1 if index == axis else side for index, side in enumerate(shape)]
    info = helper.make_tensor_value_info
    ends = [info("out", TensorProto.FLOAT, shape), info("mean", TensorProto.FLOAT, mean)]
    image = info("image", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "gains", [image], ends, [gains, axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 10
    return model


def run(model: onnx.ModelProto, image: Any) -> list[Any]:
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": image})


def test_inputs_and_outputs_turn_and_the_numbers_stay() -> None:
    model = by_channel(IMAGE.shape, 3)
    turned = channels_first(model)
    onnx.checker.check_model(turned, full_check=True)
    wanted = [values.transpose(TO_FIRST) for values in run(model, IMAGE)]
    results = run(turned, IMAGE.transpose(TO_FIRST))
    for result, known in zip(results, wanted, strict=True):
        np.testing.assert_array_equal(result, known)


@pytest.mark.parametrize(("shape", "axis"), [((1, 3, 6, 8), 1), ((1, 3, 6, 3), 1), ((2, 3), 1)])
def test_images_that_are_channels_first_and_other_ranks_stay(
    shape: tuple[int, ...], axis: int
) -> None:
    model = by_channel(shape, axis)
    assert channels_first(model) is model
