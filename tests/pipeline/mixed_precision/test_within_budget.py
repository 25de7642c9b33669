"""Int8 files within their budget are not recommended where a float file is about as quick."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.devices.kernels import estimated_profile
from edge_imgq.pipeline.mixed_precision.within_budget import within_budget
from edge_imgq.pipeline.open_model.source import Source
from edge_imgq.quantize.quantize import quantize_in_steps
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.report.diagnosis import ALL_INT8
from tests.graph.build import model, weights
from tests.quantize.mixed_precision.worst_layer_network import loud_network, photo

pytestmark = pytest.mark.usefixtures("small_patches")

CONTRACT = ImageContract("image-to-image", 1, "rgb")
RECIPE = QuantizeRecipe("int8", "", "min-max", ("canonical",))
LAYERS = ("first", "second", "third", "fourth")


def said(*in_float: str, network: ir.Model | None = None) -> str:
    """Return what is said of a network's files with some layers in float."""
    recipe = replace(RECIPE, precision=dict.fromkeys(in_float, "float"))
    network = network or loud_network()
    quantized = quantize_in_steps(network, recipe, CONTRACT, [photo(0), photo(1)])
    recipes = [r for r in export_recipes() if r.name in ("tflite-int8", "onnx-int8")]
    plan: Any = SimpleNamespace(
        source=Source("loud", network, CONTRACT, is_own=False),
        recipes=[replace(r, scheme="int8") for r in recipes],
        sizes={r.name: ((48, 64),) for r in recipes},
    )
    return within_budget(quantized, plan, "int8").reason


def large_kernels(channels: int) -> ir.Model:
    """Return four depthwise convolutions of 5×5, between two of the image."""
    generator = np.random.default_rng(0)
    constants = {
        "head": weights(generator, channels, 3, 3, 3),
        **{f"w{i}": weights(generator, channels, 1, 5, 5) for i in range(4)},
        "tail": weights(generator, 3, channels, 3, 3),
    }
    nodes = [
        helper.make_node("Conv", ["image", "head"], ["x0"], "head", pads=[1] * 4),
        *(
            helper.make_node(
                "Conv", [f"x{i}", f"w{i}"], [f"x{i + 1}"], f"l{i}", pads=[2] * 4, group=channels
            )
            for i in range(4)
        ),
        helper.make_node("Conv", ["x4", "tail"], ["out"], "tail", pads=[1] * 4),
    ]
    return model(nodes, constants)


def test_integers_are_worth_their_files() -> None:
    assert said() == ALL_INT8.reason


def test_a_file_that_computes_in_float_is_not() -> None:
    found = said(*LAYERS)
    assert found.startswith(f"{ALL_INT8.reason}; but they take an estimated 1.")
    assert found.endswith(
        f"a float file ({estimated_profile().name}), which loses nothing: "
        "ship onnx-float, tflite-float"
    )


def test_depthwise_kernels_are_as_quick_in_float() -> None:
    """36 channels of 5×5 take 2.05 ns an element in float and 2.61 in int8 (tests/kernels)."""
    assert "ship onnx-float, tflite-float" in said(network=large_kernels(36))
