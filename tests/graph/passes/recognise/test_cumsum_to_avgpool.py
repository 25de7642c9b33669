"""Means over windows by cumulative sums, against ONNX Runtime on the sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run

SIDES = (20, 26)
LARGE = 2**62
SUMS = "c = CumSum(image, last) d = CumSum(c, first) p = Pad(d, pads)"
CORNERS = """a = Slice(p, s11, e11, axes) b = Slice(p, s01, e01, axes)
    e = Slice(p, s10, e10, axes) f = Slice(p, s00, e00, axes)"""
BODIES = {
    "as torch exports it": "g = Sub(a, b) h = Sub(g, e) i = Add(h, f) out = Div(i, count)",
    "added in another order": "g = Add(f, a) h = Add(e, b) i = Sub(g, h) out = Mul(share, i)",
    "not divided": "g = Sub(a, b) h = Sub(g, e) out = Add(h, f)",
}


def constants(height: int, width: int) -> dict[str, Any]:
    sizes, table = (height, width), {}
    for row in (0, 1):
        for column in (0, 1):
            late = (row, column)
            starts = [size if far else 0 for size, far in zip(sizes, late, strict=True)]
            ends = [LARGE if far else -size for size, far in zip(sizes, late, strict=True)]
            table[f"s{row}{column}"] = np.array(starts, np.int64)
            table[f"e{row}{column}"] = np.array(ends, np.int64)
    return table | {
        "axes": np.array([2, 3], np.int64),
        "pads": np.array([0, 0, 1, 1, 0, 0, 0, 0], np.int64),
        "last": np.array(-1, np.int64),
        "first": np.array(2, np.int64),
        "count": np.float32(height * width),
        "share": np.float32(1 / (height * width)),
    }


@pytest.mark.parametrize("window", [(8, 8), (5, 12), (20, 26)])
@pytest.mark.parametrize("name", BODIES)
def test_a_local_mean_is_a_pooling(name: str, window: tuple[int, int]) -> None:
    body = f"{SUMS} {CORNERS} {BODIES[name]}"
    model = parsed(body, constants(*window), size="20,26")
    changed = rewrite(model, ["canonical"])
    kinds = [node.op_type for node in changed.graph]
    assert kinds == ["AveragePool"] * 2 + (["Mul"] if name == "not divided" else [])
    image = np.random.default_rng(0).random((1, 6, *SIDES), np.float32)
    np.testing.assert_allclose(run(changed, image), run(model, image), rtol=1e-4, atol=1e-5)


def test_other_corners_are_no_window() -> None:
    body = f"{SUMS} {CORNERS} g = Sub(a, b) h = Add(g, e) out = Add(h, f)"
    model = parsed(body, constants(8, 8), size="20,26")
    changed = rewrite(model, ["canonical"])
    assert "CumSum" in {node.op_type for node in changed.graph}
    image = np.random.default_rng(0).random((1, 6, *SIDES), np.float32)
    np.testing.assert_allclose(run(changed, image), run(model, image), rtol=1e-4, atol=1e-5)
