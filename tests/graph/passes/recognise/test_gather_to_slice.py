"""A gather of neighbours is a slice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.graph.passes.build import check_form, numbers

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "gather of a run": (
        "g = Gather<axis=1>(image, i) out = Relu(g)", {"i": numbers(2, 3, 4)}, ["Slice", "Relu"]
    ),
    "gather of one channel": (
        "g = Gather<axis=1>(image, i) out = Relu(g)", {"i": np.int64(-2)},
        ["Slice", "Squeeze", "Relu"],
    ),
    "gather of rows in disorder": (
        "out = Gather<axis=2>(image, i)", {"i": numbers(2, 1)}, ["Gather"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_run_of_neighbours_is_a_slice(name: str) -> None:
    check_form(*CASES[name])
