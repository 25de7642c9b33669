"""Batch norms in training mode, and what draws other numbers in each run."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import run

SEED = 6
GENERATOR = np.random.default_rng(SEED)
IMAGE = GENERATOR.normal(size=(1, 3, 8, 12)).astype(np.float32)
CONSTANTS: dict[str, Any] = {
    "s": np.array([1, 2, 0.5], np.float32),
    "b": np.array([0.2, 0, -1], np.float32),
    "mean": np.full(3, 3, np.float32),
    "var": np.full(3, 9, np.float32),
    "ratio": np.float32(0.5),
    "on": np.array(True),
    "off": np.array(False),
}
TRAINING = "a, m2, v2 = BatchNormalization<training_mode=1, epsilon=0.001>(x, s, b, mean, var)"


def parsed_model(body: str, batch: int = 1, opset: int = 15) -> onnx.ModelProto:
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]>\n'
        f"m (float[{batch},3,8,12] x) => (float[{batch},3,8,12] y) {{ {body} }}"
    )
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(values), name) for name, values in CONSTANTS.items()
    )
    return model


def test_a_batch_norm_in_training_mode_uses_the_statistics_of_the_image() -> None:
    model = parsed_model(f"{TRAINING} y = Relu(a)")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (wanted,) = session.run(None, {"x": IMAGE})
    normal = (IMAGE - IMAGE.mean((2, 3), keepdims=True)) / np.sqrt(
        IMAGE.var((2, 3), keepdims=True) + 1e-3
    )
    scale, bias = (CONSTANTS[key].reshape(3, 1, 1) for key in "sb")
    np.testing.assert_allclose(wanted, np.maximum(normal * scale + bias, 0), atol=1e-5)
    read = normalise(model, "m.onnx")
    read.graph.inputs[0].name = "image"
    np.testing.assert_allclose(run(read, IMAGE), wanted, atol=1e-5)


def test_a_batch_norm_in_evaluation_mode_keeps_what_it_stores() -> None:
    model = parsed_model("y = BatchNormalization(x, s, b, mean, var)")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (wanted,) = session.run(None, {"x": IMAGE})
    read = normalise(model, "m.onnx")
    read.graph.inputs[0].name = "image"
    np.testing.assert_allclose(run(read, IMAGE), wanted, atol=1e-6)


REFUSED = {
    "statistics of several images": (f"{TRAINING} y = Relu(a)", 4, "BatchNormalization 'a' norm"),
    "statistics that are read": (
        f"{TRAINING} k = Reshape(m2, r) y = Add(a, k)",
        1,
        "BatchNormalization 'a' normalises by the statistics of a batch",
    ),
    "dropout": ("y = Dropout(x, ratio, on)", 1, "Dropout 'y' drops other values in each run"),
    "dropout told by another value": (
        "n = Not(off) y = Dropout(x, ratio, n)", 1, "Dropout 'y' drops",
    ),
    "both": (
        f"{TRAINING} k = Reshape(m2, r) d = Add(a, k) y = Dropout(d, ratio, on)",
        1,
        "BatchNormalization 'a' .*; Dropout 'y'",
    ),
    "noise": ("n = RandomNormalLike(x) y = Add(x, n)", 1, "RandomNormalLike 'n' draws other num"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_file_can_hold_is_refused_by_name(name: str) -> None:
    body, batch, words = REFUSED[name]
    model = parsed_model(body, batch)
    model.graph.initializer.append(
        onnx.numpy_helper.from_array(np.array([1, 3, 1, 1], np.int64), "r")
    )
    with pytest.raises(ModelError, match=words):
        normalise(model, "m.onnx")


def test_a_dropout_that_is_off_is_nothing() -> None:
    model = parsed_model("d = Dropout(x, ratio, off) y = Relu(d)")
    read = rewrite(normalise(model, "m.onnx"), ["canonical"])
    assert [node.op_type for node in read.graph] == ["Relu"]
