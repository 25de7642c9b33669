"""Constants of small graphs, and a check of one pass on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE

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
