"""Means of large images in the integer reference are those of LiteRT's integer kernels."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from edge_imgq.graph.network import Quantization
from edge_imgq.runtime.onnxruntime import OnnxSession
from edge_imgq.runtime.spatial_means import by_rows
from tests.export.tflite.witness import NOTE, Case, lowered, quantized, run_litert, run_onnx
from tests.graph.build import proto_model

SIDE = 512
LEVEL = 6.0037 / 255
MEANS = {
    "axes from the front": ("ReduceMean", [2, 3], 1),
    "axes from the back, dropped": ("ReduceMean", [-1, -2], 0),
    "global pooling": ("GlobalAveragePool", None, None),
}


def mean(kind: str, axes: list[int] | None, keepdims: int | None) -> onnx.ModelProto:
    inputs = ["image"] if axes is None else ["image", "axes"]
    attributes = {} if keepdims is None else {"keepdims": keepdims}
    node = onnx.helper.make_node(kind, inputs, ["out"], **attributes)
    return proto_model([node], {} if axes is None else {"axes": np.array(axes, np.int64)})


def run(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return np.asarray(session.run(None, {"image": image})[0])


@pytest.mark.parametrize("name", MEANS)
def test_a_mean_by_rows_is_right_to_a_thousandth_of_a_level(name: str) -> None:
    model = mean(*MEANS[name])
    levels = np.random.default_rng(3).choice([200, 254, 255], (1, 3, SIDE, SIDE), p=[0.1, 0.1, 0.8])
    image, before = (levels * LEVEL).astype(np.float32), model.SerializeToString()
    exact = levels.mean((2, 3))
    assert np.abs(run(model, image).reshape(1, 3) / LEVEL - exact).max() > 0.02
    found = run(by_rows(model), image)
    assert np.abs(found.reshape(1, 3) / LEVEL - exact).max() < 1e-3
    assert found.shape == run(model, image).shape
    assert model.SerializeToString() == before


def test_means_over_other_axes_stay() -> None:
    model = mean("ReduceMean", [1], 1)
    assert by_rows(model) == model


def test_the_integer_reference_has_the_means_of_integer_kernels() -> None:
    generator = np.random.default_rng(5)
    case = Case(
        "a = Conv(x, w, b) c = Clip(a, zero, one) y = ReduceMean<keepdims = 1>(c, axes)",
        (1, 3, SIDE, SIDE),
        {
            "w": generator.uniform(0.2, 0.6, (64, 3, 1, 1)).astype(np.float32),
            "b": generator.uniform(0.2, 0.6, 64).astype(np.float32),
            "zero": np.array(0, np.float32),
            "one": np.array(1, np.float32),
            "axes": np.array([2, 3], np.int64),
        },
    )
    pixels = generator.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    values = (pixels.transpose(2, 0, 1)[np.newaxis] / 255).astype(np.float32)
    edge = Quantization(np.array([1 / 255], np.float32), np.array([-128], np.int32), "int8")
    model = quantized(case.model(), values, edge)
    integers = run_litert(lowered(model), pixels[np.newaxis]).reshape(-1)
    assert (np.rint(run_onnx(model, values).reshape(-1) * 255) != integers).any()
    levels = OnnxSession(model, NOTE, 1).levels(pixels).reshape(-1)
    np.testing.assert_array_equal(np.rint(levels), integers)
