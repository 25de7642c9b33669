"""Channels in any order are a 1×1 convolution."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.passes.build import check_form, numbers, weights

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "gather in disorder": ("out = Gather<axis=1>(image, i)", {"i": numbers(2, -5, 2)}, ["Conv"]),
    "gather in disorder, then a convolution": (
        "g = Gather<axis=-3>(image, i) out = Conv<pads=[1,1,1,1]>(g, w)",
        {"i": numbers(2, 1, 0, 5, 4, 3), "w": weights(4, 6, 3, 3)}, ["Conv"],
    ),
    "channels picked by GatherND": (
        "t = Transpose<perm=[1,0,2,3]>(image) g = GatherND(t, i) "
        "b = Transpose<perm=[1,0,2,3]>(g) out = Relu(b)",
        {"i": numbers(4, 0, 5).reshape(3, 1)}, ["Conv", "Relu"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_channels_in_any_order_are_a_convolution(name: str) -> None:
    check_form(*CASES[name])
