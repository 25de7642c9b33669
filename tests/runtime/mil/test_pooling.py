"""Pools of the evaluator against torch, by coremltools' torch front end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from tests.runtime.mil.build import assert_float16, assert_float32

MODULES: dict[str, Callable[[], nn.Module]] = {
    "max pool": lambda: nn.MaxPool2d(3, 2, padding=1),
    "max pool, ceiling": lambda: nn.MaxPool2d(2, 3, ceil_mode=True),
    "max pool on one axis": lambda: nn.Sequential(nn.Flatten(0, 1), nn.MaxPool1d(3, 2, 1)),
    "average pool on three axes": lambda: nn.Sequential(nn.Unflatten(1, (1, 8)), nn.AvgPool3d(2)),
    "average pool": lambda: nn.AvgPool2d(3, 2, padding=1),
    "average pool without its padding": lambda: nn.AvgPool2d(
        3, 2, padding=1, count_include_pad=False
    ),
    "average pool, ceiling": lambda: nn.AvgPool2d(3, 2, ceil_mode=True),
    "adaptive pool": lambda: nn.AdaptiveAvgPool2d(1),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_float32_program_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    assert_float32(MODULES[name], tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_a_float16_program_stays_within_its_rounding_of_torch(name: str, tmp_path: Path) -> None:
    assert_float16(MODULES[name], tmp_path)
