"""Arithmetic of two tensors and functions of one: LiteRT against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.export.tflite.lower import lower
from edge_imgq.export.tflite.lowering_options import LoweringOptions
from edge_imgq.runtime.litert import placement_of
from tests.export.tflite.operators.build import (
    assert_float_file,
    assert_int8_file,
    cases_of,
    quantizable,
)
from tests.export.tflite.witness import (
    NOTE,
    Case,
    from_file,
    interpreter_of,
    kinds,
    levels_of_both,
    lowered,
    network_of,
    quantized,
    run_litert,
    run_onnx,
    to_file,
)

CASES = cases_of("elementwise")


@pytest.mark.parametrize("name", CASES)
def test_a_float_file_agrees_with_onnx_runtime(name: str) -> None:
    assert_float_file(name)


@pytest.mark.parametrize("name", quantizable(CASES))
def test_an_int8_file_agrees_with_the_qdq_model(name: str) -> None:
    assert_int8_file(name)


@pytest.mark.parametrize("kind", ["Add", "Sub"])
@pytest.mark.parametrize("factor", [3e-4, 260.0, 3000.0])
def test_a_sum_of_far_scales_stays_in_xnnpack(kind: str, factor: float) -> None:
    body = f"v = Mul(x, k) s = {kind}(v, x) u = Mul(v, l) y = Add(s, u)"
    constants = {"k": np.float32(factor), "l": np.float32(0.1 / factor)}
    case = Case(body, constants=constants)
    values = np.random.default_rng(4).uniform(-2, 2, case.shape).astype(np.float32)
    model = quantized(case.model(), values)
    placed = placement_of(interpreter_of(lowered(model)))
    assert set(placed.fallback) <= {"QUANTIZE"}
    wanted, got = levels_of_both(model, values)
    assert np.abs(wanted - got).max() <= 1


def test_a_convolution_with_huge_weights_opens_in_xnnpack() -> None:
    weights = np.eye(6, dtype=np.float32)[:, :, None, None] * 1e6
    case = Case("y = Conv(x, w)", constants={"w": weights})
    values = np.random.default_rng(4).uniform(-2, 2, case.shape).astype(np.float32)
    wanted, got = levels_of_both(quantized(case.model(), values), values)
    assert np.abs(wanted - got).max() <= 1


@pytest.mark.parametrize(
    "body", ["y = Div(one, x)", "y = Reciprocal(x)", "y = Pow(x, root)", "y = Log(x)"]
)
@pytest.mark.parametrize("channels", [3, 4])
def test_a_gpu_divides_by_no_unused_channel(body: str, channels: int) -> None:
    """It keeps channels in fours, 0 where unused: a quotient is NaN there, and spreads."""
    shape = (1, channels, 6, 8)
    constants = {"one": np.ones((1, channels, 1, 1), np.float32), "root": np.float32(-0.5)}
    model = Case(body, shape, {k: v for k, v in constants.items() if k in body}).model()
    values = np.random.default_rng(2).uniform(0.01, 2, shape).astype(np.float32)
    values[0, 0, 0, 0] = 2.0**-24
    data = lower(network_of(model), NOTE, options=LoweringOptions(gpu=True))
    assert ("MINIMUM" in kinds(data)) == (channels == 3)
    got = from_file(run_litert(data, to_file(values)))
    np.testing.assert_allclose(got, run_onnx(model, values), rtol=1e-6, atol=1e-5)
