"""Equal nodes are computed once, equal constants are stored once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.passes.tidy.common_subexpression import common_subexpression
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE

CONSTANTS: dict[str, Any] = {
    "w": np.ones((6, 6, 1, 1), np.float32),
    "w2": np.ones((6, 6, 1, 1), np.float32),
    "w3": np.full((6, 6, 1, 1), 2, np.float32),
    "from": np.array([0], np.int64),
    "other": np.array([1, 6, 10, 8], np.int64),
}


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


@pytest.mark.parametrize("name", TWICE)
def test_what_is_computed_twice_is_computed_once(name: str) -> None:
    check(*TWICE[name], common_subexpression)


def test_equal_weights_are_stored_once() -> None:
    body = "x = Conv(image, w) y = Relu(x) out = Conv(y, w2)"
    graph = parsed(body, {"w": CONSTANTS["w"], "w2": CONSTANTS["w2"]})
    common_subexpression(graph)
    assert len(graph.graph.initializers) == 1
