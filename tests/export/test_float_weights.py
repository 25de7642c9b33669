"""A layer that stays in float between quantizations keeps its float weights in ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from edge_imgq.export.float_weights import keep_float_weights

LAYERS = {
    "Conv": ((8, 3, 3, 3), "c = Conv <pads = [1, 1, 1, 1]> (b, w)"),
    "ConvTranspose": ((3, 8, 3, 3), "c = ConvTranspose <pads = [1, 1, 1, 1]> (b, w)"),
}
AFTER = {"": "c", "r = Relu(c)": "r", "r = Clip(c, low, high)": "r"}


def model(layer: str, after: str = "", first: str = "QuantizeLinear") -> onnx.ModelProto:
    """Return a graph that quantizes an image, computes one layer in float and quantizes again."""
    shape, computed = LAYERS[layer]
    read = "q = QuantizeLinear(x, s, z) b = DequantizeLinear(q, s, z)"
    body = f"""
        {read if first == "QuantizeLinear" else "b = Neg(x)"}
        {computed} {after}
        d = QuantizeLinear({AFTER[after]}, wide, middle)
        y = DequantizeLinear(d, wide, middle)
    """
    constants = (
        "float s = {0.003921569}, uint8 z = {0}, float wide = {0.1}, uint8 middle = {100}, "
        "float low = {-1}, float high = {3}"
    )
    proto = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]>\n'
        f"one (float[1,3,16,16] x) => (float[1,8,16,16] y) <{constants}> {{ {body} }}"
    )
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    weights[(slice(None), 0) if layer == "ConvTranspose" else 0] *= 100
    proto.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    return proto


def run(proto: onnx.ModelProto, level: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    image = np.random.default_rng(1).random((1, 3, 16, 16), np.float32)
    return session.run(None, {"x": image})[0]


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_default_session_computes_with_float_weights(layer: str, after: str) -> None:
    stated = run(model(layer, after), "ORT_DISABLE_ALL")
    proto = model(layer, after)
    keep_float_weights(proto)
    onnx.checker.check_model(proto, full_check=True)
    np.testing.assert_array_equal(run(proto, "ORT_DISABLE_ALL"), stated)
    # Optimised kernels add up in another order: values on a rounding tie may move by a level.
    assert (run(proto, "ORT_ENABLE_ALL") != stated).mean() < 0.001


def test_a_layer_that_reads_no_quantized_value_stays_as_it_is() -> None:
    proto = model("Conv", first="")
    before = proto.SerializeToString()
    keep_float_weights(proto)
    assert proto.SerializeToString() == before
    stated = run(proto, "ORT_DISABLE_ALL")
    assert (run(proto, "ORT_ENABLE_ALL") != stated).mean() < 0.001
