"""A hard sigmoid is a line that is clipped."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.passes.build import check_form

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "hard sigmoid": ("out = HardSigmoid<alpha=0.3>(image)", {}, ["Mul", "Add", "Clip"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_hard_sigmoid_is_a_clipped_line(name: str) -> None:
    check_form(*CASES[name])
