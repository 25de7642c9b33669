"""Convolutions and pools in ncnn, against ONNX Runtime."""

from __future__ import annotations

import pytest

from tests.export.ncnn.build import assert_layers, cases_of


@pytest.mark.parametrize("name", cases_of("convolution"))
def test_an_operator_agrees_with_onnx_runtime(name: str) -> None:
    assert_layers(name)
