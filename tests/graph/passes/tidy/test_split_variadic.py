"""Sums and maxima of many tensors are chains of pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.graph.passes.build import check_form

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "maximum of three": (
        "a = Abs(image) out = Max(image, a, c)", {"c": np.float32(0.5)}, ["Abs", "Max", "Clip"]
    ),
    "sum": ("a = Abs(image) out = Sum(image, a, a)", {}, ["Abs", "Add", "Add"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_operators_of_many_operands_are_chains(name: str) -> None:
    check_form(*CASES[name])
