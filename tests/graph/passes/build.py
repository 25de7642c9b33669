"""What the tests of passes share: an image, constants, and ONNX Runtime before and after."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run

SEED = 8
IMAGE = np.random.default_rng(SEED).normal(size=(1, 6, 8, 10)).astype(np.float32)
FAR = np.float32(12)
"""Images of `assert_same` reach from −6 to 6, so that exponentials matter on both sides."""


def weights(*shape: int) -> Any:
    return np.random.default_rng((SEED, *shape)).normal(size=shape).astype(np.float32)


def numbers(*values: int) -> Any:
    return np.array(values, np.int64)


def check_form(body: str, constants: dict[str, Any], wanted: list[str]) -> None:
    """Assert what "canonical" makes of a graph, and that it computes the same."""
    original = parsed(body, constants)
    rewritten = rewrite(original, ["canonical"])
    assert kinds(rewritten) == wanted
    result, reference = run(rewritten, IMAGE, exact=True), run(original, IMAGE, exact=True)
    assert result.shape == reference.shape
    np.testing.assert_allclose(result, reference, atol=1e-5)
    assert rewritten.graph.outputs[0].name == "out"


def assert_same(body: str, constants: dict[str, Any], *gone: str) -> list[str]:
    """Assert that "canonical" keeps the numbers and leaves none of `gone`; return the kinds."""
    model = parsed(body, constants)
    changed = rewrite(model, ["canonical"])
    image = (np.random.default_rng(0).random((1, 6, 8, 10), np.float32) - np.float32(0.5)) * FAR
    np.testing.assert_allclose(run(changed, image), run(model, image), rtol=2e-5, atol=2e-5)
    assert not set(gone) & set(kinds(changed))
    return kinds(changed)
