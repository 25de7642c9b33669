"""Sums of rectifiers are a PReLU, where they are one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.graph.passes.build import check_form, weights

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "prelu by a minimum": (
        "p = Relu(image) n = Min(image, z) m = Mul(n, a) out = Add(p, m)",
        {"z": np.float32(0), "a": weights(6, 1, 1)}, ["PRelu"],
    ),
    "prelu by a negation": (
        "p = Relu(image) i = Neg(image) n = Relu(i) m = Mul(a, n) out = Sub(p, m)",
        {"a": weights(1, 6, 1, 1)}, ["PRelu"],
    ),
    "prelu by a size": (
        "p = Relu(image) i = Abs(image) n = Sub(image, i) m = Mul(a, n) h = Mul(m, c) "
        "out = Add(h, p)", {"a": weights(6, 1, 1), "c": np.float32(0.5)}, ["PRelu"],
    ),
    "no prelu of two images": (
        "t = Tanh(image) p = Relu(image) i = Abs(t) n = Sub(t, i) m = Mul(a, n) out = Add(m, p)",
        {"a": weights(6, 1, 1)}, ["Tanh", "Relu", "Abs", "Sub", "Mul", "Add"],
    ),
    "no prelu of a maximum": (
        "p = Relu(image) n = Max(image, z) m = Mul(n, a) out = Add(p, m)",
        {"z": np.float32(-1), "a": weights(6, 1, 1)}, ["Relu", "Clip", "Mul", "Add"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_sums_of_rectifiers_are_a_prelu(name: str) -> None:
    check_form(*CASES[name])
