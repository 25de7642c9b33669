"""FULLY_CONNECTED and BATCH_MATMUL: LiteRT against ONNX Runtime."""

from __future__ import annotations

import pytest

from tests.export.tflite.operators.build import assert_float_file, cases_of

CASES = cases_of("matmul")


@pytest.mark.parametrize("name", CASES)
def test_a_float_file_agrees_with_onnx_runtime(name: str) -> None:
    assert_float_file(name)
