"""Reshapes and transpositions that shuffle pixels are the operator that does it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.passes.build import check_form, numbers, weights

SHUFFLE = "{} r = Reshape({}, n) t = Transpose<perm=[{}]>(r) out = Reshape(t, m)"


CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "shuffle of channels": (
        SHUFFLE.format("", "image", "0,2,1,3,4"),
        {"n": numbers(1, 3, 2, 8, 10), "m": numbers(1, 6, 8, 10)}, ["Conv"],
    ),
    "shuffle of channels between convolutions": (
        "c = Conv(image, w) " + SHUFFLE.format("", "c", "0,2,1,3,4").replace("out =", "s =")
        + " out = Conv(s, w)",
        {"n": numbers(1, 3, 2, 8, 10), "m": numbers(1, 6, 8, 10), "w": weights(6, 6, 1, 1)},
        ["Conv"],
    ),
    "a transposition that changes the shape": (
        SHUFFLE.format("", "image", "0,2,1,3,4"),
        {"n": numbers(1, 3, 2, 8, 10), "m": numbers(1, 3, 16, 10)},
        ["Reshape", "Transpose", "Reshape"],
    ),
    "decomposed depth to space": (
        SHUFFLE.format("c = Concat<axis=1>(image, image)", "c", "0,1,4,2,5,3"),
        {"n": numbers(1, 3, 2, 2, 8, 10), "m": numbers(1, 3, 16, 20)}, ["Concat", "DepthToSpace"],
    ),
    "decomposed depth to space, blocks first": (
        SHUFFLE.format("c = Concat<axis=1>(image, image)", "c", "0,3,4,1,5,2"),
        {"n": numbers(1, 2, 2, 3, 8, 10), "m": numbers(1, 3, 16, 20)}, ["Concat", "DepthToSpace"],
    ),
    "decomposed space to depth": (
        SHUFFLE.format("", "image", "0,3,5,1,2,4"),
        {"n": numbers(1, 6, 4, 2, 5, 2), "m": numbers(1, 24, 4, 5)}, ["SpaceToDepth"],
    ),
    "pixel unshuffle": (
        SHUFFLE.format("", "image", "0,1,3,5,2,4"),
        {"n": numbers(1, 6, 4, 2, 5, 2), "m": numbers(1, 24, 4, 5)}, ["SpaceToDepth", "Conv"],
    ),
    "shuffle of other axes": (
        SHUFFLE.format("", "image", "0,1,4,2,5,3"),
        {"n": numbers(1, 6, 4, 2, 5, 2), "m": numbers(1, 6, 20, 4)},
        ["Reshape", "Transpose", "Reshape"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_reshapes_are_a_pixel_shuffle(name: str) -> None:
    check_form(*CASES[name])
