"""Standard deviations stay in float from the square to the division."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.passes.protect.mark_std_float import mark_std_float
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE, numbers


@pytest.mark.parametrize(
    "body",
    [
        "m = ReduceMean<keepdims=1>(image, a) d = Sub(image, m) s = Mul(d, d) "
        "v = ReduceMean<keepdims=1>(s, a) f = Mul(v, n) r = Sqrt(f) e = Add(r, eps) "
        "out = Div(image, e)",
        "s = Pow(image, two) v = ReduceMean<keepdims=1>(s, a) f = Add(v, eps) r = Pow(f, half) "
        "out = Mul(image, r)",
        "x = Relu(image) s = Mul(x, x) v = ReduceMean<keepdims=1>(s, a) f = Add(v, eps) "
        "r = Sqrt(f) out = Div(x, r)",
    ],
)
def test_deviations_are_float_from_the_square_to_the_division(body: str) -> None:
    numbered = {"n": np.float32(80 / 79), "eps": np.float32(1e-5), "two": np.float32(2)}
    constants = {**numbered, "a": numbers(2, 3), "half": np.float32(-0.5)}
    model = parsed(body, {key: value for key, value in constants.items() if f"{key})" in body})
    assert mark_std_float(model) == 1
    assert all(is_marked(node) for node in model.graph if node.op_type != "Relu")


def test_powers_in_a_deviation_become_products_and_roots_that_stay_float() -> None:
    """XNNPACK has no POW."""
    body = (
        "m = ReduceMean<keepdims=1>(image, a) d = Sub(image, m) s = Pow(d, two) "
        "v = ReduceMean<keepdims=1>(s, a) r = Pow(v, half) out = Relu(r)"
    )
    constants = {"a": numbers(2, 3), "two": np.float32(2), "half": np.float32(0.5)}
    original = parsed(body, constants)
    rewritten = rewrite(original, ["canonical"])
    assert kinds(rewritten) == ["ReduceMean", "Sub", "Mul", "ReduceMean", "Sqrt", "Relu"]
    assert [is_marked(node) for node in rewritten.graph] == [True] * 6
    np.testing.assert_allclose(run(rewritten, IMAGE), run(original, IMAGE), atol=1e-6)
