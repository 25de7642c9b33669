"""Bilinear shrinking to half is a mean of two by two pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import check_form

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "half the size": (
        'out = Resize<mode="linear">(image, , s)',
        {"s": np.array([1, 1, 0.5, 0.5], np.float32)}, ["Conv"],
    ),
    "half the height": (
        'out = Resize<mode="linear">(image, , s)',
        {"s": np.array([1, 1, 0.5, 1], np.float32)}, ["Resize"],
    ),
    "half by corners": (
        'out = Resize<mode="linear", coordinate_transformation_mode="align_corners">(image, , s)',
        {"s": np.array([1, 1, 0.5, 0.5], np.float32)}, ["Resize"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_shrinking_to_half_is_a_mean(name: str) -> None:
    check_form(*CASES[name])


def test_open_heights_and_widths_stay_open() -> None:
    body, constants, wanted = CASES["half the size"]
    original = parsed(body, constants, size="h,w")
    rewritten = rewrite(original, ["canonical"])
    assert kinds(rewritten) == wanted
    for size in [(4, 6), (9, 7)]:
        image = np.random.default_rng(1).normal(size=(1, 6, *size)).astype(np.float32)
        np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-5)
