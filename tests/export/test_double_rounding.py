"""A value that is quantized twice: a default session of ONNX Runtime keeps both roundings."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from edge_imgq.export.double_rounding import keep_both_roundings

CONSTANTS = "float a = {0.003921569}, float b = {0.005}, uint8 zero = {0}, uint8 low = {55}"
AGAIN = """
    t = QuantizeLinear(q, b, low)
    twice = DequantizeLinear(t, b, low)
    n = Neg(twice)
    y = Neg(n)
"""
ONCE = """
    s = QuantizeLinear({}, a, zero)
    q = DequantizeLinear(s, a, zero)
"""
BODIES = {
    "an image": ONCE.format("image") + AGAIN,
    "a gate": "g = Sigmoid(image)" + ONCE.format("g") + AGAIN,
}


def model(body: str) -> onnx.ModelProto:
    text = (
        '<ir_version: 10, opset_import: ["" : 21]>\n'
        f"twice (float[1,1,1,256] image) => (float[1,1,1,256] y) <{CONSTANTS}> {{ {body} }}"
    )
    return onnx.parser.parse_model(text)


def run(proto: onnx.ModelProto, level: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    pixels = np.arange(256, dtype=np.float32).reshape(1, 1, 1, 256) / 255
    return session.run(None, {"image": pixels})[0]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_default_session_rounds_twice_as_the_graph_says(body: str) -> None:
    stated = run(model(body), "ORT_DISABLE_ALL")
    proto = model(body)
    keep_both_roundings(proto)
    onnx.checker.check_model(proto, full_check=True)
    np.testing.assert_array_equal(run(proto, "ORT_DISABLE_ALL"), stated)
    np.testing.assert_array_equal(run(proto, "ORT_ENABLE_ALL"), stated)


@pytest.mark.parametrize("reader", ["Neg(q)", "Identity(image)"])
def test_what_is_rounded_once_or_read_elsewhere_too_stays_as_it_is(reader: str) -> None:
    body = f"{ONCE.format('image')} o = {reader} z = Add(q, o) y = Neg(z)"
    if reader == "Neg(q)":
        body = BODIES["an image"].replace("y = Neg(n)", "o = Add(n, q) y = Neg(o)")
    proto = model(body)
    before = proto.SerializeToString()
    keep_both_roundings(proto)
    assert proto.SerializeToString() == before
    np.testing.assert_array_equal(run(proto, "ORT_ENABLE_ALL"), run(proto, "ORT_DISABLE_ALL"))
