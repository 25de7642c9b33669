"""Branches of convolutions, and a check that merging them changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.graph.passes.fold.reparameterize import reparameterize
from tests.graph.build import kinds, parsed, run, weights


def check(
    body: str, constants: dict[str, Any], wanted: list[str], rewriting: Any = reparameterize
) -> Any:
    """Run a graph before and after; return the graph after."""
    graph = parsed(body, constants, size="h,w")
    before = [run(graph, image, exact=True) for image in images()]
    rewriting(graph)
    assert sorted(kinds(graph)) == sorted(wanted)
    for image, reference in zip(images(), before, strict=True):
        np.testing.assert_allclose(run(graph, image, exact=True), reference, atol=2e-5)
    return graph


def images() -> list[Any]:
    generator = np.random.default_rng(1)
    return [generator.normal(size=(1, 6, *size)).astype(np.float32) for size in [(9, 12), (6, 7)]]


def conv(seed: int, name: str, outputs: int, inputs: int, *taps: int) -> dict[str, Any]:
    generator = np.random.default_rng((seed, outputs, inputs, *taps))
    return {
        name: weights(generator, outputs, inputs, *taps),
        f"{name}b": weights(generator, outputs),
    }


REPVGG = (
    "a = Conv<pads=[1,1,1,1]>(image, w, wb) b = Conv(image, v, vb) s = Add(a, b) {} out = Relu({})"
)


def repvgg(seed: int = 0) -> dict[str, Any]:
    return {
        **conv(seed, "w", 6, 6, 3, 3), **conv(seed, "v", 6, 6, 1, 1), **conv(seed, "d", 6, 1, 1, 1),
    }  # fmt: skip
