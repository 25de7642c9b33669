"""Bilinear Resize between integers: halves rounded up, as the QDQ graph does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.export.coreml.operators import assert_float_form, assert_integer_form, cases_of
from tests.export.tflite.witness import Case, network_of, quantized
from tests.random_networks.build import rewritten

from .witness import saved, step_by_step

SHAPE = (1, 3, 12, 10)
GRIDS = ("half_pixel", "asymmetric")


def model_of(grid: str, factor: int, values: np.ndarray) -> onnx.ModelProto:
    attributes = f'mode="linear", coordinate_transformation_mode="{grid}"'
    constants = {
        "factors": np.array([1, 1, factor, factor], np.float32),
        "w": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1),
    }
    case = Case(f"r = Resize<{attributes}>(x, , factors) y = Conv(r, w)", SHAPE, constants)
    return quantized(rewritten(case.model(), ["canonical"]), values, edge=None)


def levels_off(grid: str, factor: int, low: float, folder: Path) -> np.ndarray:
    """Return by how many levels a package is off, with values from `low` to `low` + 1."""
    values = np.random.default_rng(8).uniform(low, low + 1, SHAPE).astype(np.float32)
    model = model_of(grid, factor, values)
    view = network_of(model)
    off = step_by_step(view, model, {"x": values}, saved(view, folder / "m.mlpackage"))
    (levels,) = off.values()
    return levels


@pytest.mark.parametrize("low", [-1.0, -0.5, 0.0])
@pytest.mark.parametrize("grid", GRIDS)
def test_at_twice_the_size_every_integer_is_the_qdq_models(
    grid: str, low: float, tmp_path: Path
) -> None:
    assert levels_off(grid, 2, low, tmp_path).max() == 0


@pytest.mark.parametrize("grid", GRIDS)
def test_at_four_times_the_size_few_integers_are_another_level(grid: str, tmp_path: Path) -> None:
    levels = levels_off(grid, 4, 0.0, tmp_path)
    assert levels.max() <= 1
    # Results are 64ths of a level, of which float16 holds every fourth beyond 64 levels.
    assert (levels > 0).mean() < 0.02


CASES = cases_of("resize")


@pytest.mark.parametrize("name", CASES)
def test_the_float_form_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert_float_form(name, tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_the_integer_form_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert_integer_form(name, tmp_path)
