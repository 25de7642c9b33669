"""Operators between quantizers in Core AI against ONNX Runtime."""

from __future__ import annotations

import pytest

from tests.export.coreml.forms_of_operators import CASES, inputs_of
from tests.export.coreml.witness import build, built, network, quantize

pytest.importorskip("coreai", reason="the extra [coreai] is not installed")

from edge_imgq.export.coreai.program import translated

from .operators import Results, assert_integer_form, integer_results

IN_INTEGERS = (
    *("Conv", "Conv, depthwise", "ConvTranspose", "PRelu", "Add", "Mul", "MatMul"),
    *("AveragePool", "GlobalAveragePool", "Concat", "Pad, reflect", "Resize, linear", "Sigmoid"),
)
"""Cases that are tried between quantizers: what reads integers, and what writes them."""


@pytest.fixture(scope="module")
def in_integers(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return integer_results(IN_INTEGERS, tmp_path_factory.mktemp("integers"))


@pytest.mark.parametrize("name", IN_INTEGERS)
def test_the_integer_form_agrees_with_onnx_runtime(name: str, in_integers: Results) -> None:
    assert_integer_form(name, in_integers)


def test_a_product_of_integers_is_clipped_before_it_is_quantized() -> None:
    for name, clipped in (("Mul", True), ("Mul by a constant", False), ("Add", False)):
        model = CASES[name](build)
        view = network(quantize(model, inputs_of(model)))
        text = str(translated(built(view).functions["main"]))
        assert ("broadcasting_minimum" in text) == clipped, name
