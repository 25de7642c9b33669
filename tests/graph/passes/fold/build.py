"""What the two tests of folding factors and offsets share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE

SEED = 5


GENERATOR = np.random.default_rng(SEED)


def values(*shape: int) -> Any:
    return GENERATOR.normal(size=shape).astype(np.float32)


PLUS = np.abs(values(1, 6, 1, 1)) + np.float32(0.1)


CONSTANTS: dict[str, Any] = {
    "w": values(6, 6, 3, 3), "wb": values(6), "v": values(6, 6, 1, 1), "d": values(6, 1, 3, 3),
    "t": values(6, 6, 2, 2), "k": values(1, 6, 1, 1), "c": values(6, 1, 1), "p": PLUS,
    "w12": values(12, 6, 1, 1), "w24": values(24, 6, 1, 1), "r": values(6, 12, 1, 1),
    "k12": values(1, 12, 1, 1), "slope": values(6, 1, 1), "s": np.float32(0.58),
    "m": np.float32(-0.4), "h": np.float32(0.5), "lo": np.float32(0), "hi": np.float32(1),
    "six": np.float32(6), "zero": np.zeros(6, np.float32), "var": np.abs(values(6)) + 1,
    "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "map": values(1, 1, 8, 10),
    "two": np.array([1, 1, 2, 2], np.float32), "r24": values(6, 24, 1, 1),
}  # fmt: skip


CONV = "x = Conv<pads=[1,1,1,1]>(image, w, wb)"


def check(body: str, wanted: list[str] | None, passes: tuple[Any, ...]) -> None:
    constants = {key: CONSTANTS[key] for key in CONSTANTS if f"{key}" in _words(body)}
    if "one" in _words(body):
        constants["one"] = np.array([1], np.int64)
    graph = parsed(body, constants)
    before, reference = kinds(graph), run(graph, IMAGE, exact=True)
    for part in passes:
        part(graph)
    assert kinds(graph) == (before if wanted is None else wanted)
    result = run(graph, IMAGE, exact=True)
    np.testing.assert_allclose(result, reference, atol=1e-5 * max(1, np.abs(reference).max()))
    assert graph.graph.outputs[0].name == "out"


def _words(body: str) -> set[str]:
    return set(body.replace(",", " ").replace("(", " ").replace(")", " ").split())
