"""Resizes in Core AI against ONNX Runtime."""

from __future__ import annotations

import pytest

pytest.importorskip("coreai", reason="the extra [coreai] is not installed")

from .operators import Results, assert_float_form, cases_of

CASES = cases_of("resize")


@pytest.mark.parametrize("name", CASES)
def test_the_float_form_agrees_with_onnx_runtime(name: str, results: Results) -> None:
    assert_float_form(name, results)
