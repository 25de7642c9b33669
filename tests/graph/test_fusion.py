"""A clip that alone reads an operator's result is part of it; any other reader keeps it apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge_imgq.graph.fusion import clip_bounds, fused_activation, stored_output
from tests.graph.build import parsed

BOUNDS = {"zero": np.float32(0), "six": np.float32(6)}


@pytest.mark.parametrize(
    ("clip", "low", "high"),
    [
        ("Relu(s)", 0.0, math.inf),
        ("Clip(s, zero, six)", 0.0, 6.0),
        ("Clip(s, , six)", -math.inf, 6.0),
        ("Clip(s)", -math.inf, math.inf),
    ],
)
def test_a_clip_is_stored_in_place_of_what_it_clips(clip: str, low: float, high: float) -> None:
    add, last, *_ = parsed(f"s = Add(image, image) c = {clip} out = Neg(c)", BOUNDS).graph
    assert fused_activation(add) is last
    assert stored_output(add) is last.outputs[0]
    bounds = clip_bounds(last)
    assert bounds is not None
    assert (bounds.low, bounds.high) == (low, high)


@pytest.mark.parametrize(
    "body",
    [
        "s = Add(image, image) c = Relu(s) out = Sub(c, s)",
        "out = Add(image, image) c = Relu(out)",
        "s = Add(image, image) m = ReduceMax(image) c = Clip(s, zero, m) out = Neg(c)",
        "s = Add(image, image) c = Sigmoid(s) out = Neg(c)",
        "s = Neg(image) c = Relu(s) out = Neg(c)",
    ],
    ids=["another reader", "a graph output", "a computed bound", "no clip", "not absorbed"],
)
def test_what_must_be_stored_before_a_clip_is_no_part_of_it(body: str) -> None:
    first = parsed(body, BOUNDS).graph[0]
    assert fused_activation(first) is None
    assert stored_output(first) is first.outputs[0]
