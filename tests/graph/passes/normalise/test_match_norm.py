"""A norm of several nodes is matched, whatever their order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.graph.passes.build import check_form, numbers

MEAN, CHANNELS = "ReduceMean<keepdims=1>(image, a)", {"a": numbers(1)}


DECOMPOSED = f"m = {MEAN} d = Sub(image, m) s = {{}} v = ReduceMean<keepdims=1>(s, a)"


STATISTICS = ["ReduceMean", "Sub", "Mul", "ReduceMean", "Add", "Pow", "Mul"]


CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "decomposed norm": (
        DECOMPOSED.format("Pow(d, two)") + " e = Add(v, eps) r = Sqrt(e) out = Div(d, r)",
        {**CHANNELS, "two": np.float32(2), "eps": np.float32(1e-3)}, STATISTICS,
    ),
    "decomposed norm by a product": (
        DECOMPOSED.format("Mul(d, d)") + " e = Add(eps, v) r = Sqrt(e) out = Div(d, r)",
        {**CHANNELS, "eps": np.float32(1e-3)}, STATISTICS,
    ),
    "decomposed norm of whole images": (
        "m = GlobalAveragePool(image) d = Sub(image, m) s = Mul(d, d) v = GlobalAveragePool(s) "
        "e = Add(v, eps) r = Sqrt(e) i = Reciprocal(r) out = Mul(d, i)",
        {"eps": np.float32(1e-3)}, STATISTICS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_decomposed_norm_is_a_norm(name: str) -> None:
    check_form(*CASES[name])
