"""A GELU of several nodes is fused in any order, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from tests.graph.passes.build import assert_same

ROOT, HALF, ONE = np.float32(np.sqrt(2)), np.float32(0.5), np.float32(1)


CUBE = {"s": np.float32(0.7978846), "k": np.float32(0.044715), "t": np.float32(3)}


GELUS = {
    "as torch writes it": (
        "d = Div(image, r) e = Erf(d) s = Add(e, o) m = Mul(image, s) out = Mul(m, h)",
        {"r": ROOT, "o": ONE, "h": HALF},
    ),
    "half first": (
        "c = Mul(image, q) e = Erf(c) s = Add(o, e) m = Mul(h, image) out = Mul(m, s)",
        {"q": 1 / ROOT, "o": ONE, "h": HALF},
    ),
    "by tanh with a power": (
        "p = Pow(image, t) k3 = Mul(p, k) i = Add(image, k3) j = Mul(i, s) u = Tanh(j) "
        "v = Add(u, o) m = Mul(image, v) out = Mul(m, h)",
        {**CUBE, "o": ONE, "h": HALF},
    ),
    "by tanh with products": (
        "q = Mul(image, image) k2 = Mul(q, k) w = Add(k2, o) z = Mul(image, w) j = Mul(z, s) "
        "u = Tanh(j) v = Add(u, o) n = Mul(image, h) out = Mul(n, v)",
        {key: value for key, value in CUBE.items() if key != "t"} | {"o": ONE, "h": HALF},
    ),
}


@pytest.mark.parametrize("name", GELUS)
def test_a_decomposed_gelu_is_fused_in_any_order(name: str) -> None:
    assert assert_same(*GELUS[name]) == ["Gelu"]


def test_what_only_looks_like_a_gelu_is_left() -> None:
    body, constants = GELUS["as torch writes it"]
    assert "Gelu" not in assert_same(body, constants | {"h": np.float32(0.4)})
    assert "Gelu" not in assert_same(body, constants | {"r": np.float32(1)})
