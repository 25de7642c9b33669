"""Divisions and powers by constants are products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.graph.passes.build import check_form

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "division by a number": ("out = Div(image, c)", {"c": np.float32(3)}, ["Mul"]),
    "square": ("out = Pow(image, c)", {"c": np.float32(2)}, ["Mul"]),
    "root": ("t = Abs(image) out = Pow(t, c)", {"c": np.float32(0.5)}, ["Abs", "Sqrt"]),
    "power one": ("t = Abs(image) out = Pow(t, c)", {"c": np.float32(1)}, ["Abs", "Pow"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_division_or_a_power_is_a_product(name: str) -> None:
    check_form(*CASES[name])
