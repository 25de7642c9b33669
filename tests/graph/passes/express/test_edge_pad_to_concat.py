"""Padding with the edge, or round it, is slices of the image joined to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.passes.build import check_form, numbers

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "edge padding": (
        'out = Pad<mode="edge">(image, n)', {"n": numbers(0, 0, 1, 0, 0, 0, 0, 2)},
        ["Slice", "Concat", "Slice", "Concat"],
    ),
    "edge padding of some axes": (
        'out = Pad<mode="edge">(image, n, , a)', {"n": numbers(3, 1), "a": numbers(-1)},
        ["Slice", "Slice", "Concat"],
    ),
    "padding that goes round": (
        'out = Pad<mode="wrap">(image, n, , a)', {"n": numbers(3, 1, 2, 0), "a": numbers(2, 3)},
        ["Slice", "Slice", "Concat", "Slice", "Concat"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_padding_with_the_image_is_a_concatenation(name: str) -> None:
    check_form(*CASES[name])
