"""Clippings of two rectifiers, and slices that layers take up, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.passes.fold.fuse_mirrored_clips import fuse_mirrored_clips
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.fold.mirrored import CONSTANTS, RNG

IMAGE = RNG.normal(size=(1, 6, 8, 10)).astype(np.float32)

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


@pytest.mark.parametrize(("body", "left"), CLIPS.values(), ids=CLIPS.keys())
def test_two_rectifiers_around_a_mirror_are_one_clipping(body: str, left: list[str]) -> None:
    model = parsed(body, CONSTANTS)
    expected = run(model, IMAGE)
    assert fuse_mirrored_clips(model) == (left[-1] == "Clip")
    assert kinds(model) == left
    np.testing.assert_allclose(run(model, IMAGE), expected, atol=1e-6)
