"""Arithmetic of two tensors and functions of one: LiteRT against ONNX Runtime."""

from __future__ import annotations

import pytest

from tests.export.tflite.operators.build import (
    assert_float_file,
    assert_int8_file,
    cases_of,
    quantizable,
)

CASES = cases_of("elementwise")


@pytest.mark.parametrize("name", CASES)
def test_a_float_file_agrees_with_onnx_runtime(name: str) -> None:
    assert_float_file(name)


@pytest.mark.parametrize("name", quantizable(CASES))
def test_an_int8_file_agrees_with_the_qdq_model(name: str) -> None:
    assert_int8_file(name)
