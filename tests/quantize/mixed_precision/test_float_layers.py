"""Layers in float inside an int8 graph; ONNX Runtime and LiteRT say what graph and file compute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.errors import RecipeError
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.quantize.mixed_precision.float_layers import layers
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe, read_quantize_recipe
from tests.export.coreml.witness import run as evaluate
from tests.export.coreml.witness import scale_invariant
from tests.export.tflite.witness import interpreter_of, lowered, network_of, run_litert
from tests.graph.build import model as build
from tests.graph.build import run, weights
from tests.quantize.build import as_input, photo
from tests.quantize.mixed_precision.build import CONTRACT, LAYERS, network, recipe

pytestmark = pytest.mark.usefixtures("small_patches")


def quantized(chosen: QuantizeRecipe) -> ir.Model:
    return quantize(network(), chosen, CONTRACT, [photo(seed, (48, 48)) for seed in range(4)])


def decibels(chosen: QuantizeRecipe) -> float:
    image = as_input(photo(9))
    error = run(quantized(chosen), image, exact=True) - run(network(), image).clip(0, 1)
    return float(-10 * np.log10(np.mean(error**2)))


def rounded(model: ir.Model) -> int:
    return sum(node.op_type == "QuantizeLinear" for node in model.graph)


def test_the_layers_are_the_convolutions() -> None:
    assert [node.name for node in layers(network().graph)] == list(LAYERS)


def test_a_float_layer_keeps_its_weights_and_nothing_is_rounded_between_two() -> None:
    whole, mixed = quantized(recipe()), quantized(recipe(first="float", second="float"))
    assert rounded(mixed) == rounded(whole) - 1
    stored = {node.name: node.inputs[1].producer() for node in mixed.graph if node.name in LAYERS}
    assert stored["first"] is stored["second"] is None
    assert stored["third"] is not None


def test_an_addition_between_float_layers_follows_them() -> None:
    chosen = recipe(second="float", third="float", fourth="float")
    assert rounded(quantized(chosen)) <= rounded(quantized(recipe())) - 3


def test_all_layers_in_float_leave_the_rounding_to_pixels_alone() -> None:
    chosen = recipe(**dict.fromkeys(LAYERS, "float"))
    assert decibels(chosen) == pytest.approx(10 * np.log10(12 * 255**2), abs=0.7)
    assert decibels(chosen) > decibels(recipe()) + 4


@pytest.mark.parametrize("rounding", ["nearest", "feedback"])
def test_every_step_of_a_recipe_takes_a_graph_with_float_layers(rounding: str) -> None:
    chosen = recipe(rounding, first="float", second="float")
    assert decibels(chosen) > decibels(recipe(rounding)) - 0.1


ISLANDS = [("second",), ("first", "second"), ("second", "third", "fourth"), LAYERS]


def bound(model: ir.Model) -> onnx.ModelProto:
    return ir.to_proto(bind_size(model, (24, 20)))


@pytest.mark.parametrize("names", ISLANDS, ids="-".join)
def test_the_tflite_file_computes_what_the_graph_does(names: tuple[str, ...]) -> None:
    model = quantized(recipe(**dict.fromkeys(names, "float")))
    interpreter = interpreter_of(lowered(bound(model)))
    pixels = photo(9)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[None])
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
    wanted = np.rint(run(model, as_input(pixels), exact=True)[0].transpose(1, 2, 0) * 255)
    off = np.abs(got.astype(int) - wanted)
    assert off.max() <= 1
    assert np.mean(off == 0) > 0.995
    kinds = [detail["op_name"] for detail in interpreter._get_ops_details()]
    assert "DEQUANTIZE" in kinds


@pytest.mark.parametrize("names", ISLANDS, ids="-".join)
def test_the_core_ml_package_computes_what_the_graph_does(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    model = quantized(recipe(**dict.fromkeys(names, "float")))
    view = network_of(bound(model))
    image = as_input(photo(9))
    (got,) = evaluate(view, {"image": image}, tmp_path / "m.mlpackage")
    wanted = scale_invariant(view.outputs[0], run(model, image, exact=True))
    off = np.abs(got - wanted)
    assert off.max() <= 2
    assert np.mean(off <= 1) > 0.99


@pytest.mark.parametrize("names", [("first",), ("first", "last")], ids="-".join)
def test_an_interpolation_beside_or_between_float_layers_is_that_of_the_graph(
    names: tuple[str, ...],
) -> None:
    generator = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["x"], "first"),
        helper.make_node("Resize", ["x", "", "double"], ["y"], "larger", mode="linear"),
        helper.make_node("Conv", ["y", "b"], ["out"], "last"),
    ]
    constants = {
        "a": abs(weights(generator, 4, 3, 1, 1)) / 2,
        "b": abs(weights(generator, 3, 4, 1, 1)) / 2,
        "double": np.array([1, 1, 2, 2], np.float32),
    }
    chosen = replace(recipe(**dict.fromkeys(names, "float")), passes=())
    photos = [photo(seed, (48, 48)) for seed in range(2)]
    model = quantize(build(nodes, constants), chosen, CONTRACT, photos)
    pixels = photo(9)
    got = run_litert(lowered(bound(model)), pixels[None])[0]
    wanted = np.rint(run(model, as_input(pixels), exact=True)[0].transpose(1, 2, 0) * 255)
    assert abs(got.astype(int) - wanted).max() <= 1


def test_a_layer_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'second'"):
        quantized(recipe(secund="float"))


def test_a_recipe_lists_layers_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'summary = ""\nobserver = "min-max"\npasses = []\n'
        '[precision]\n"node_conv2d_1" = "float"\nhead = "int8"\n'
    )
    assert read_quantize_recipe(path).precision == {"node_conv2d_1": "float", "head": "int8"}
    path.write_text(path.read_text().replace('head = "int8"', 'head = "int4"'))
    with pytest.raises(RecipeError, match="must be one of int8, float"):
        read_quantize_recipe(path)
    path.write_text(path.read_text().replace('head = "int4"', 'head = "int16"'))
    with pytest.raises(RecipeError, match="LiteRT's 16x8 kernels stand outside XNNPACK"):
        read_quantize_recipe(path)
