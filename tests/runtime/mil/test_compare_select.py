"""Comparisons and choices of the evaluator against torch, by coremltools' torch front end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.runtime.mil.build import Apply, assert_float16, assert_float32, computed

MODULES: dict[str, Callable[[], nn.Module]] = {
    "chosen by sign": lambda: Apply(lambda x: torch.where(x > 0, x.sqrt(), x[:, :1])),
    "chosen by other comparisons": lambda: Apply(
        lambda x: torch.where(
            torch.logical_or(
                torch.logical_and(x <= 0.25, torch.logical_not(x < -0.5)),
                torch.logical_xor(x >= 1, x == 0),
            ),
            x,
            1.001 * x,  # in float16 a value may lie on the other side of a threshold
        )
    ),
    "chosen where not equal": lambda: Apply(lambda x: torch.where(x.relu() != 0, x, x + 1)),
    "truth values as numbers": lambda: Apply(lambda x: x * (x > 0.25).float()),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_float32_program_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    assert_float32(MODULES[name], tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_a_float16_program_stays_within_its_rounding_of_torch(name: str, tmp_path: Path) -> None:
    assert_float16(MODULES[name], tmp_path)


X, Y = np.array([1, 2, 3, np.nan], np.float32), np.array([2, 2, 2, 2], np.float32)

COMPARISONS = {
    "less": X < Y,
    "less_equal": X <= Y,
    "greater": X > Y,
    "greater_equal": X >= Y,
    "equal": X == Y,
    "not_equal": X != Y,
}


@pytest.mark.parametrize("kind", COMPARISONS)
def test_a_comparison_is_that_of_numpy(kind: str) -> None:
    assert computed(kind, dtype="bool", x=X, y=Y).tolist() == COMPARISONS[kind].tolist()


def test_truth_values_are_combined_as_by_numpy() -> None:
    x, y = np.array([False, False, True, True]), np.array([False, True, False, True])
    for kind, wanted in {"and": x & y, "or": x | y, "xor": x ^ y}.items():
        assert computed(f"logical_{kind}", dtype="bool", x=x, y=y).tolist() == wanted.tolist()
    assert computed("logical_not", dtype="bool", x=x).tolist() == [True, True, False, False]


def test_what_is_not_chosen_may_be_no_number() -> None:
    result = computed("select", cond=X == X, a=X, b=-Y)  # NaN differs from itself
    assert result.tolist() == [1, 2, 3, -2]
