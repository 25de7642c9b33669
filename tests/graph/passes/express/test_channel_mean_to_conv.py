"""A mean over channels is a 1×1 convolution, one over more axes is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.passes.build import check_form, numbers

MEAN, CHANNELS = "ReduceMean<keepdims=1>(image, a)", {"a": numbers(1)}


CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "mean over channels": (f"out = {MEAN}", CHANNELS, ["Conv"]),
    "mean over channels and width": (
        "out = ReduceMean<keepdims=1>(image, a)", {"a": numbers(1, 3)}, ["ReduceMean"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mean_over_channels_is_a_convolution(name: str) -> None:
    check_form(*CASES[name])
