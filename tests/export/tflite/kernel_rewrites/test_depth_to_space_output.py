"""Convolutions of few output channels write blocks of pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.tflite.kernel_rewrites.build import (
    assert_float_file,
    assert_int8_file,
)

CASES = ["rgb out without a shuffle", "shuffle of three channels by two"]


@pytest.mark.parametrize("name", CASES)
def test_an_int8_file_returns_what_the_qdq_model_returns(name: str, tmp_path: Path) -> None:
    assert_int8_file(name, tmp_path / "fast.tflite")


@pytest.mark.parametrize("name", CASES)
def test_a_float_file_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert_float_file(name, tmp_path / "fast.tflite")
