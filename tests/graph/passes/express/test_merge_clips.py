"""Merged clippings, and nodes that vanish, against ONNX Runtime on the original."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.passes.express.merge_clips import merge_clips
from tests.graph.build import kinds, parsed, run

IMAGE = np.random.default_rng(2).normal(size=(1, 6, 8, 10)).astype(np.float32)
CONSTANTS: dict[str, Any] = {
    "n": np.float32(-0.5), "zero": np.float32(0), "one": np.float32(1), "six": np.float32(6),
    "vector": np.linspace(-1, 1, 10, dtype=np.float32), "w": np.ones((6, 6, 1, 1), np.float32),
    "w2": np.ones((6, 6, 1, 1), np.float32), "w3": np.full((6, 6, 1, 1), 2, np.float32),
    "p0": np.zeros(8, np.int64), "p1": np.array([0, 0, 0, 0, 0, 0, 0, 1], np.int64),
    "from": np.array([0], np.int64), "to": np.array([2**40], np.int64),
    "ten": np.array([10], np.int64), "nine": np.array([9], np.int64),
    "first": np.array([0, 0], np.int64), "both": np.array([-2, 3], np.int64),
    "ends": np.array([8, 2**31 - 1], np.int64), "three": np.array([3], np.int64),
    "step": np.array([-1], np.int64), "last": np.array([9], np.int64),
    "low": np.array([-(2**40)], np.int64), "same": np.array([1, 6, 8, 10], np.int64),
    "other": np.array([1, 6, 10, 8], np.int64), "ones": np.ones(4, np.float32),
    "twos": np.array([1, 1, 2, 2], np.float32), "own": np.array([0, 0, -1, 10], np.int64),
}  # fmt: skip

CLIPS: dict[str, tuple[str, list[str]]] = {
    "twice": ("x = Relu(image) out = Relu(x)", ["Relu"]),
    "relu and one": ("x = Relu(image) out = Clip(x, zero, one)", ["Clip"]),
    "three of them": ("x = Clip(image, n, six) y = Relu(x) out = Clip(y, , one)", ["Clip"]),
    "apart": ("x = Clip(image, n, zero) out = Clip(x, one, six)", ["Clip"]),
    "maximum": ("out = Max(image, zero)", ["Relu"]),
    "minimum": ("x = Max(n, image) out = Min(x, one)", ["Clip"]),
    "not where others read between": ("x = Relu(image) y = Clip(x, n, one) out = Add(x, y)",
                                      ["Relu", "Clip", "Add"]),
    "not a maximum of many": ("x = Max(image, vector) out = Relu(x)", ["Max", "Relu"]),
}  # fmt: skip
TWICE: dict[str, tuple[str, list[str]]] = {
    "activations": ("x = Relu(image) y = Relu(image) out = Add(x, y)", ["Relu", "Add"]),
    "equal weights": ("x = Conv(image, w) y = Conv(image, w2) out = Add(x, y)", ["Conv", "Add"]),
    "other weights": (
        "x = Conv(image, w) y = Conv(image, w3) out = Add(x, y)", ["Conv", "Conv", "Add"]
    ),
    "other attributes": (
        "x = LeakyRelu<alpha=0.1>(image) y = LeakyRelu<alpha=0.2>(image) out = Add(x, y)",
        ["LeakyRelu", "LeakyRelu", "Add"],
    ),
    "whole branches": (
        "x = Conv(image, w) y = Conv(image, w2) p = Relu(x) q = Relu(y) out = Sub(p, q)",
        ["Conv", "Relu", "Sub"],
    ),
}  # fmt: skip


def check(body: str, wanted: list[str], rewriting: Any) -> None:
    words = set(body.replace(",", " ").replace("(", " ").replace(")", " ").split())
    graph = parsed(body, {key: CONSTANTS[key] for key in CONSTANTS if key in words})
    reference = run(graph, IMAGE, exact=True)
    rewriting(graph)
    assert kinds(graph) == wanted
    assert np.array_equal(run(graph, IMAGE, exact=True), reference)
    assert graph.graph.outputs[0].name == "out"


@pytest.mark.parametrize("name", CLIPS)
def test_clippings_in_a_row_become_one(name: str) -> None:
    check(*CLIPS[name], merge_clips)
