"""Elementwise operators and reductions in Core ML against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.coreml.operators import assert_float_form, assert_integer_form, cases_of

CASES = cases_of("arithmetic")


@pytest.mark.parametrize("name", CASES)
def test_the_float_form_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert_float_form(name, tmp_path)


@pytest.mark.parametrize("name", [name for name in CASES if name != "Round"])
def test_the_integer_form_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert_integer_form(name, tmp_path)
