"""Clippings of two rectifiers, and slices that layers take up, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.passes.fold.fuse_mirrored_clips import fuse_mirrored_clips
from tests.graph.build import kinds, parsed, run, weights

RNG = np.random.default_rng(5)
IMAGE = RNG.normal(size=(1, 6, 8, 10)).astype(np.float32)
CONSTANTS: dict[str, Any] = {
    "one": np.float32(1), "minus": np.float32(-1), "zero": np.float32(0), "six": np.float32(6),
    "mirror": -np.eye(6, dtype=np.float32).reshape(6, 6, 1, 1),
    "slopes": -np.linspace(1, 2, 6, dtype=np.float32).reshape(6, 1, 1, 1),
    "mixed": weights(RNG, 6, 6, 1, 1), "ones": np.ones(6, np.float32),
    "rising": np.linspace(0.5, 1, 6, dtype=np.float32),
    "w": weights(RNG, 6, 6, 3, 3), "b": weights(RNG, 6, 1).reshape(6),
    "apart": weights(RNG, 6, 1, 3, 3), "channels": np.array([1], np.int64),
    "from": np.array([0], np.int64), "to": np.array([5], np.int64), "step": np.array([2], np.int64),
    "rows": np.array([2], np.int64),
}  # fmt: skip
CONV = "Conv<pads=[1,1,1,1]>(image, w, b)"

CLIPS: dict[str, tuple[str, list[str]]] = {
    "a full matrix": ("x = Relu(image) y = Conv(x, mirror, ones) out = Relu(y)", ["Conv", "Clip"]),
    "one factor a channel": ("x = Relu(image) y = Conv<group=6>(x, slopes, ones) out = Relu(y)",
                             ["Conv", "Clip"]),
    "a difference": ("x = Relu(image) y = Sub(one, x) out = Relu(y)", ["Sub", "Clip"]),
    "a clip from zero": ("x = Clip(image, zero) y = Sub(one, x) out = Relu(y)", ["Sub", "Clip"]),
    "not a bound of its own for every channel": (
        "x = Relu(image) y = Conv(x, mirror, rising) out = Relu(y)", ["Relu", "Conv", "Relu"]),
    "not a mixture": ("x = Relu(image) y = Conv(x, mixed, ones) out = Relu(y)",
                      ["Relu", "Conv", "Relu"]),
    "not a rising line": ("x = Relu(image) y = Add(one, x) out = Relu(y)", ["Relu", "Add", "Relu"]),
    "not below zero": ("x = Relu(image) y = Sub(minus, x) out = Relu(y)", ["Relu", "Sub", "Relu"]),
    "not where others read between": ("x = Relu(image) y = Sub(one, x) z = Relu(y) out = Add(x, z)",
                                      ["Relu", "Sub", "Relu", "Add"]),
}  # fmt: skip

SLICES: dict[str, tuple[str, list[str]]] = {
    "at once": (f"x = {CONV} out = Slice(x, from, to, channels)", ["Conv"]),
    "behind activations": (f"x = {CONV} y = Relu(x) z = Clip(y, , one) "
                           "out = Slice(z, from, to, channels)", ["Conv", "Relu", "Clip"]),
    "every second": (f"x = {CONV} out = Slice(x, from, to, channels, step)", ["Conv"]),
    "not of rows": (f"x = {CONV} out = Slice(x, from, to, rows)", ["Conv", "Slice"]),
    "not of groups": ("x = Conv<group=6, pads=[1,1,1,1]>(image, apart, b) "
                      "out = Slice(x, from, to, channels)", ["Conv", "Slice"]),
    "not where the rest is read": (
        f"x = {CONV} y = Slice(x, from, to, channels) z = Slice(x, from, to, channels, step) "
        "out = Concat<axis=1>(y, z)", ["Conv", "Slice", "Slice", "Concat"]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "left"), CLIPS.values(), ids=CLIPS.keys())
def test_two_rectifiers_around_a_mirror_are_one_clipping(body: str, left: list[str]) -> None:
    model = parsed(body, CONSTANTS)
    expected = run(model, IMAGE)
    assert fuse_mirrored_clips(model) == (left[-1] == "Clip")
    assert kinds(model) == left
    np.testing.assert_allclose(run(model, IMAGE), expected, atol=1e-6)
