"""Products of one vector per image are 1×1 convolutions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.passes.build import check_form, numbers, weights

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "gemm": (
        "m = ReduceMean<keepdims=0>(image, a) out = Gemm<alpha=0.5, beta=2.0>(m, w, b)",
        {"a": numbers(2, 3), "w": weights(6, 4), "b": weights(4)},
        ["ReduceMean", "Unsqueeze", "Conv", "Squeeze"],
    ),
    "gemm transposed": (
        "m = ReduceMean<keepdims=0>(image, a) out = Gemm<transB=1>(m, w)",
        {"a": numbers(2, 3), "w": weights(4, 6)}, ["ReduceMean", "Unsqueeze", "Conv", "Squeeze"],
    ),
    "matrix product": (
        "m = ReduceMean<keepdims=0>(image, a) out = MatMul(m, w)",
        {"a": numbers(2, 3), "w": weights(6, 4)}, ["ReduceMean", "Unsqueeze", "Conv", "Squeeze"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_product_of_a_vector_is_a_convolution(name: str) -> None:
    check_form(*CASES[name])
