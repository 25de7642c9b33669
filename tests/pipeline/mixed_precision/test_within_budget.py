"""Int8 files within their budget are not recommended where a float file is about as quick."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.devices.kernels import estimated_profile
from edge_imgq.pipeline.mixed_precision.within_budget import within_budget
from edge_imgq.pipeline.open_model.source import Source
from edge_imgq.quantize.quantize import quantize_in_steps
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.report.diagnosis import ALL_INT8
from tests.quantize.mixed_precision.worst_layer_network import loud_network, photo

pytestmark = pytest.mark.usefixtures("small_patches")

CONTRACT = ImageContract("image-to-image", 1, "rgb")
RECIPE = QuantizeRecipe("int8", "", "min-max", ("canonical",))
LAYERS = ("first", "second", "third", "fourth")


def said(*in_float: str) -> str:
    """Return what is said of files with some layers in float."""
    recipe = replace(RECIPE, precision=dict.fromkeys(in_float, "float"))
    quantized = quantize_in_steps(loud_network(), recipe, CONTRACT, [photo(0), photo(1)])
    recipes = [r for r in export_recipes() if r.name in ("tflite-int8", "onnx-int8")]
    plan: Any = SimpleNamespace(
        source=Source("loud", loud_network(), CONTRACT, is_own=False),
        recipes=[replace(r, scheme="int8") for r in recipes],
        sizes={r.name: ((48, 64),) for r in recipes},
    )
    return within_budget(quantized, plan, "int8").reason


def test_integers_are_worth_their_files() -> None:
    assert said() == ALL_INT8.reason


def test_a_file_that_computes_in_float_is_not() -> None:
    found = said(*LAYERS)
    assert found.startswith(f"{ALL_INT8.reason}; but they take an estimated 1.")
    assert found.endswith(
        f"a float file ({estimated_profile().name}), which loses nothing: "
        "ship onnx-float, tflite-float"
    )
