"""Long sums round once in int8, by ONNX Runtime's own arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.quantize.qdq.qdq import insert_qdq
from edge_imgq.quantize.ranges.ranges import Range, per_tensor
from edge_imgq.quantize.scales.scales import activations, assign_scales
from tests.graph.build import parsed, run, weights

GENERATOR = np.random.default_rng(17)
IMAGE = (GENERATOR.integers(0, 256, (1, 8, 8, 10)) / 255).astype(np.float32)
SPLIT = "a, b, c, d = Split<axis=1, num_outputs=4>(image) "
HAAR = SPLIT + (
    "p = Add(a, b) q = Add(c, d) r = Sub(a, b) s = Sub(c, d) "
    "w = Add(p, q) x = Sub(p, q) y = Add(r, s) z = Sub(r, s) out = Concat<axis=1>(w, x, y, z)"
)
CHAIN = SPLIT + "p = Add(a, b) q = Sub(p, c) r = Add(q, d) out = Conv(r, k)"
SKIPS = SPLIT + "p = Add(a, b) q = Add(p, c) out = Conv(q, k)"
READ = (
    SPLIT
    + "p = Add(a, b) m = Conv(p, l) q = Sub(p, c) n = Conv(q, l) r = Add(m, n) out = Conv(r, k)"
)
CONSTANTS: dict[str, Any] = {
    "k": weights(GENERATOR, 3, 2, 1, 1),
    "l": weights(GENERATOR, 2, 2, 1, 1),
    "m": weights(GENERATOR, 3, 8, 1, 1),
}


def model(body: str) -> ir.Model:
    return parsed(body, {key: v for key, v in CONSTANTS.items() if f", {key})" in body}, channels=8)


def marks(rewritten: ir.Model) -> list[bool]:
    return [is_marked(node) for node in rewritten.graph if node.op_type in ("Add", "Sub")]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [(HAAR, [True] * 8), (CHAIN, [True] * 3), (SKIPS, [False] * 2), (READ, [False] * 3)],
)
def test_expressions_of_three_sums_and_more_stay_float(body: str, wanted: list[bool]) -> None:
    original = model(body)
    rewritten = rewrite(original, ["canonical"])
    assert marks(rewritten) == wanted
    np.testing.assert_allclose(run(rewritten, IMAGE), run(original, IMAGE), rtol=1e-5, atol=1e-6)


def test_a_butterfly_in_int8_is_off_by_half_a_level() -> None:
    """Range -2 to 4 everywhere: each addition in int8 would round to 6/255 once more."""
    body = HAAR.replace("out = Concat<axis=1>(w, x, y, z)", "t = Concat<axis=1>(w, x, y, z)")
    rewritten = rewrite(model(f"{body} out = Conv(t, m)"), ["canonical"])
    names = [value.name or "" for value in activations(rewritten.graph)]
    ranges = {name: Range(-2.0, 4.0) for name in names}
    insert_qdq(rewritten.graph, assign_scales(rewritten.graph, ranges, per_tensor(1 / 255, -128)))
    wavelet = next(node for node in rewritten.graph if node.op_type == "Concat").outputs[0]
    wavelet.dtype, wavelet.shape = ir.DataType.FLOAT, ir.Shape([1, 8, 8, 10])
    rewritten.graph.outputs[:] = [wavelet]
    off = np.abs(run(rewritten, IMAGE, exact=True) - run(model(HAAR), IMAGE))
    assert off.max() <= 0.51 * 6 / 255
