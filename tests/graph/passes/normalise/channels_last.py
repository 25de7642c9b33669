"""Graphs with images channels last, and a check of passes on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import numbers

GENERATOR = np.random.default_rng(6)
IMAGE = GENERATOR.normal(size=(1, 6, 8, 10)).astype(np.float32)


LAST, FIRST = "Transpose<perm=[0,2,3,1]>", "Transpose<perm=[0,3,1,2]>"


def values(*shape: int) -> Any:
    return GENERATOR.normal(size=shape).astype(np.float32)


CONSTANTS: dict[str, Any] = {
    "w": values(6, 6, 1, 1), "vector": values(6), "column": values(10, 1), "scalar": np.float32(2),
    "whole": values(1, 8, 10, 6), "matrix": values(6, 4), "lo": np.float32(-1),
    "hi": np.float32(0.5), "axis3": numbers(3), "axes12": numbers(1, 2),
    "minus1": numbers(-1), "pads": numbers(0, 1, 2, 0, 0, 3, 0, 1), "from": numbers(1),
    "to": numbers(5), "flat": numbers(80, 6), "back": numbers(1, 8, 10, 4), "row": values(4),
    "thin": numbers(1, 1, 1, 6), "other": numbers(1, 10, 8, 4), "same": numbers(1, 6, 8, 10),
    "own": numbers(1, 8, 10, 6),
}  # fmt: skip


def check(body: str, wanted: list[str] | None, *passes: Any) -> Any:
    words = set(body.replace(",", " ").replace("(", " ").replace(")", " ").split())
    constants = {key: CONSTANTS[key] for key in CONSTANTS if key in words}
    graph = parsed(body, constants)
    reference = run(graph, IMAGE, exact=True)
    for part in passes:
        part(graph)
    if wanted is not None:
        assert kinds(graph) == wanted
    result = run(graph, IMAGE, exact=True)
    np.testing.assert_allclose(result, reference, atol=2e-6)
    assert graph.graph.outputs[0].name == "out"
    return graph
