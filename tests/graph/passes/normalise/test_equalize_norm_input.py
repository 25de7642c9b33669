"""What equal channels before an instance normalisation are worth in int8."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir

from edge_imgq.graph.passes.normalise import decompose_norm
from edge_imgq.graph.rewrite import rewrite
from tests.export.tflite.cases import weights
from tests.export.tflite.witness import Case, quantized, run_onnx

SIZES = np.array([1, 9, 0.1, 2], np.float32).reshape(4, 1, 1, 1)
CASE = Case(
    "c = Conv<pads=[1,1,1,1]>(x, w, b) n = InstanceNormalization(c, g, s) y = Conv(n, v)",
    constants={
        "w": weights(4, 6, 3, 3) * SIZES,
        "b": weights(4, scale=5),
        "g": np.ones(4, np.float32),
        "s": np.zeros(4, np.float32),
        "v": weights(3, 4, 1, 1),
    },
)


def error(image: np.ndarray) -> float:
    """Return the RMS difference between the QDQ model and the float one."""
    proto = ir.to_proto(rewrite(ir.from_proto(CASE.model()), ["canonical"]))
    model = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    difference = run_onnx(quantized(model, image), image) - run_onnx(CASE.model(), image)
    return float(np.sqrt(np.mean(difference**2)))


def test_unequal_channels_lose_less_once_they_are_scaled(monkeypatch) -> None:
    image = np.random.default_rng(3).uniform(-2, 2, CASE.shape).astype(np.float32)
    scaled = error(image)
    monkeypatch.setattr(decompose_norm, "scale_producer", lambda graph, node: None)
    assert scaled < error(image) / 4
