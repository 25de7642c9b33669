"""Resizes that TFLite has no operator for are products with one matrix per axis."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.export.tflite.cases import (
    numbers,
)
from tests.export.tflite.witness import (
    Case,
    from_file,
    kinds,
    lowered,
    quantized,
    run_litert,
    run_onnx,
    to_file,
)

IMAGE = np.random.default_rng(3).uniform(-2, 2, (1, 6, 12, 10)).astype(np.float32)


def int8(case: Case) -> onnx.ModelProto:
    return quantized(case.model(), IMAGE)


@pytest.mark.parametrize("mode", ["cubic", "linear"])
def test_an_antialiased_resize_is_a_product_for_each_axis(mode: str) -> None:
    body = f'y = Resize<mode="{mode}", antialias=1>(x, , , n)'
    case = Case(body, constants={"n": numbers(1, 6, 5, 7)})
    data = lowered(case.model())
    assert kinds(data) == ["RESHAPE", "BATCH_MATMUL", "RESHAPE", "BATCH_MATMUL"]
    got = from_file(run_litert(data, to_file(IMAGE)))
    np.testing.assert_allclose(got, run_onnx(case.model(), IMAGE), atol=1e-5)
    assert kinds(lowered(int8(case)))[1] == "DEQUANTIZE"
