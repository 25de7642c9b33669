"""Convolutions, pooling and padding in torch, against ONNX Runtime."""

from __future__ import annotations

import pytest

from tests.quantize.torch.operator_cases import assert_torch_form, cases_of


@pytest.mark.parametrize("name", cases_of("torch_windows"))
def test_an_operator_computes_what_onnx_runtime_does(name: str) -> None:
    assert_torch_form(name)
