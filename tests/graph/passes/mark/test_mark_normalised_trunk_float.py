"""The trunk between normalisations over channels, in float, and exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run, weights

GENERATOR = np.random.default_rng(5)
IMAGE = GENERATOR.uniform(0, 1, (1, 3, 8, 10)).astype(np.float32)
CONSTANTS: dict[str, Any] = {
    "w": weights(GENERATOR, 8, 3, 3, 3),
    "k": weights(GENERATOR, 8, 8, 1, 1),
    "l": weights(GENERATOR, 8, 8, 1, 1),
    "z": weights(GENERATOR, 3, 8, 3, 3),
    "eps": np.float32(1e-6),
    "floor": np.float32(1e-12),
    "channels": np.array([1], np.int64),
    "pixels": np.array([2, 3], np.int64),
}
LAYER = (
    "m{1} = ReduceMean<keepdims=1>({0}, channels) d{1} = Sub({0}, m{1}) s{1} = Mul(d{1}, d{1}) "
    "v{1} = ReduceMean<keepdims=1>(s{1}, channels) e{1} = Add(v{1}, eps) r{1} = Sqrt(e{1}) "
    "n{1} = Div(d{1}, r{1})"
)
LENGTH = "q{1} = ReduceL2<keepdims=1>({0}, channels) c{1} = Clip(q{1}, floor) n{1} = Div({0}, c{1})"
BLOCKS = (
    "x = Conv<pads=[1,1,1,1]>(image, w) {} y = Conv(n1, k) t = Add(x, y) {} u = Conv(n2, l) "
    "f = Add(u, t) g = Add(f, x) out = Conv<pads=[1,1,1,1]>(g, z)"
)


def model(norm: str, size: str = "8,10") -> ir.Model:
    body = BLOCKS.format(norm.format("x", 1), norm.format("t", 2))
    constants = {k: v for k, v in CONSTANTS.items() if f", {k})" in body}
    return parsed(body, constants, size, channels=3)


def in_float(rewritten: ir.Model) -> dict[str, bool]:
    return {node.outputs[0].name or "": is_marked(node) for node in rewritten.graph}


@pytest.mark.parametrize("size", ["8,10", "height,width"])
@pytest.mark.parametrize("norm", [LAYER, LENGTH])
def test_sums_between_norms_over_channels_stay_float_and_blocks_do_not(
    norm: str, size: str
) -> None:
    original = model(norm, size)
    rewritten = rewrite(original, ["canonical"])
    marks = in_float(rewritten)
    assert all(marks[name] for name in ("x", "t", "f", "g"))
    assert not any(marks[name] for name in ("y", "u", "out"))
    np.testing.assert_allclose(run(rewritten, IMAGE), run(original, IMAGE), rtol=1e-4, atol=1e-5)


def test_a_norm_over_the_image_leaves_its_sums_as_they_are() -> None:
    marks = in_float(rewrite(model(LAYER.replace("channels", "pixels")), ["canonical"]))
    assert not any(marks[name] for name in ("x", "t", "f", "g"))


def test_a_trunk_that_a_layer_reads_as_it_is_stays_integer_there() -> None:
    body = BLOCKS.format(LAYER.format("x", 1), LAYER.format("t", 2))
    body = body.replace(
        "u = Conv(n2, l)", "h = Conv(x, l) i = Conv(t, l) j = Add(h, i) u = Relu(j)"
    )
    constants = {k: v for k, v in CONSTANTS.items() if f", {k})" in body}
    marks = in_float(rewrite(parsed(body, constants, channels=3), ["canonical"]))
    assert not marks["x"]
    assert not marks["g"]
