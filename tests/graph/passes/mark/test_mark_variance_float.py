"""Variances that a network looks at are float arithmetic, as far as one number per channel goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run, weights

GENERATOR = np.random.default_rng(3)
IMAGE = GENERATOR.normal(size=(1, 6, 8, 10)).astype(np.float32)
CONSTANTS: dict[str, Any] = {
    "p": np.array([2, 3], np.int64),
    "n": np.float32(80 / 79),
    "two": np.float32(2),
    "g": weights(GENERATOR, 1, 6, 1, 1),
    "h": weights(GENERATOR, 1, 6, 1, 1),
    "k": weights(GENERATOR, 6, 6, 1, 1),
}
MEAN = "m = ReduceMean<keepdims=1>(image, p) d = Sub(image, m)"
POOLED = "m = GlobalAveragePool(image) d = Sub(image, m)"
SQUARE, POWER = "s = Mul(d, d)", "s = Pow(d, two)"
BEHIND = "u = Mul(v, n) w = Mul(u, g) e = Add(w, m) f = Conv(image, k) z = Add(f, e) out = Relu(z)"


@pytest.mark.parametrize("centred", [MEAN, POOLED])
@pytest.mark.parametrize("square", [SQUARE, POWER])
@pytest.mark.parametrize("mean", ["ReduceMean<keepdims=1>(s, p)", "GlobalAveragePool(s)"])
def test_a_variance_and_the_vectors_made_of_it_stay_float(
    centred: str, square: str, mean: str
) -> None:
    body = f"{centred} {square} v = {mean} {BEHIND}"
    used = {key: value for key, value in CONSTANTS.items() if f", {key})" in body}
    original = parsed(body, used)
    rewritten = rewrite(original, ["canonical"])
    marks = {node.outputs[0].name or "": is_marked(node) for node in rewritten.graph}
    assert all(marks[name] for name in ("m", "d", "v", "e"))
    assert not any(marks[name] for name in ("f", "z"))
    np.testing.assert_allclose(run(rewritten, IMAGE), run(original, IMAGE), rtol=1e-4, atol=1e-5)


def test_all_arithmetic_of_a_variance_stays_float() -> None:
    behind = "a = Max(v, n) b = Neg(a) c = Reciprocal(b) u = Abs(c) w = Mul(u, g) e = Add(w, m)"
    body = f"{POOLED} {SQUARE} v = GlobalAveragePool(s) {behind} out = Mul(image, e)"
    used = {key: CONSTANTS[key] for key in ("n", "g")}
    rewritten = rewrite(parsed(body, used), ["canonical"])
    marks = [node.op_type for node in rewritten.graph if not is_marked(node)]
    assert marks == ["Mul"]


def test_a_plain_mean_of_the_image_stays_an_integer() -> None:
    body = "m = GlobalAveragePool(image) w = Mul(m, g) e = Add(w, h) out = Mul(image, e)"
    used = {key: CONSTANTS[key] for key in ("g", "h")}
    rewritten = rewrite(parsed(body, used), ["canonical"])
    assert not any(is_marked(node) for node in rewritten.graph)
