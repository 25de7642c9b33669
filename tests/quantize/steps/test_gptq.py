"""Weights whose rounding errors cancel in the output."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.steps.gptq import feedback_rounding, round_with_feedback
from edge_imgq.recipe.folders import shipped_folder
from edge_imgq.recipe.quantize import QuantizeRecipe, read_quantize_recipe
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo
from tests.quantize.steps.build import FEEDBACK, NEAREST, carrying_network


def alike_inputs(generator: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Inputs as neighbouring pixels are: nearly the same number."""
    return generator.normal(size=(count, 1)) + 0.1 * generator.normal(size=(count, size))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_output_error_is_smaller_than_that_of_nearest_rounding(seed: int) -> None:
    generator = np.random.default_rng(seed)
    inputs = alike_inputs(generator, 500, 25)
    weight = generator.normal(size=(6, 25))
    scale = np.abs(weight).max(axis=1) / 127
    chosen = feedback_rounding(weight, inputs.T @ inputs / len(inputs), scale)
    nearest = np.rint(weight / scale[:, None])

    def error(integers: np.ndarray) -> float:
        return float((((integers * scale[:, None]) - weight) @ inputs.T).std())

    assert error(chosen) < 0.5 * error(nearest)
    assert np.abs(chosen - nearest).max() <= 3
    assert np.abs(chosen).max() <= 127


def test_inputs_that_are_not_alike_leave_nearest_rounding() -> None:
    weight = np.random.default_rng(0).normal(size=(4, 9))
    scale = np.abs(weight).max(axis=1) / 127
    chosen = feedback_rounding(weight, np.eye(9), scale)
    assert np.array_equal(chosen, np.rint(weight / scale[:, None]))


def test_a_network_comes_nearer_to_its_float_self() -> None:
    generator = np.random.default_rng(5)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], name="second", pads=[1] * 4, strides=[2, 2]),
        helper.make_node("DepthToSpace", ["c"], ["out"], blocksize=2),
    ]
    constants = {
        "w0": weights(generator, 16, 3, 3, 3),
        "w1": 0.4 * np.abs(weights(generator, 12, 16, 3, 3)),
    }
    network = model(nodes, constants)
    photos = [photo(seed) for seed in range(6)]
    image = to_nchw(photo(50), 1.0)
    wanted = run(network, image).clip(0, 1)

    def decibels(recipe: QuantizeRecipe) -> float:
        quantized = quantize(network, recipe, ImageContract("image-to-image", 1, "rgb"), photos)
        return float(10 * np.log10(1 / np.mean((run(quantized, image, exact=True) - wanted) ** 2)))

    assert decibels(FEEDBACK) > decibels(NEAREST)


def test_images_that_go_through_one_by_one_round_weights_as_a_batch_does() -> None:
    network = carrying_network(4)
    photos = [photo(seed) for seed in range(4)]
    batch = np.concatenate([to_nchw(pixels, 1.0) for pixels in photos])
    contract = ImageContract("image-to-image", 1, "rgb")
    whole, single = (quantize(network, NEAREST, contract, photos) for _ in range(2))
    round_with_feedback(network, whole, batch)
    round_with_feedback(network, single, batch, one_by_one=True)
    assert whole.graph.initializers.keys() == single.graph.initializers.keys()
    for name, constant in whole.graph.initializers.items():
        other = single.graph.initializers[name].const_value.numpy().astype(float)
        # Sums over images in another order may turn a rounding.
        assert np.abs(constant.const_value.numpy() - other).max() <= 1, name


def test_grouped_convolutions_keep_their_nearest_weights() -> None:
    generator = np.random.default_rng(5)
    node = helper.make_node("Conv", ["image", "w"], ["out"], name="deep", pads=[1] * 4, group=3)
    network = model([node], {"w": weights(generator, 3, 1, 3, 3)})
    contract = ImageContract("image-to-image", 1, "rgb")
    kept = quantize(network, FEEDBACK, contract, [photo(0)])
    plain = quantize(network, NEAREST, contract, [photo(0)])
    image = to_nchw(photo(1), 1.0)
    assert np.array_equal(run(kept, image, exact=True), run(plain, image, exact=True))


def test_the_recipes_that_ship_name_their_steps() -> None:
    fast, default, thorough = (
        read_quantize_recipe(shipped_folder("quantize") / f"{stem}.toml")
        for stem in ("int8-fast", "int8", "int8-thorough")
    )
    assert (fast.rounding, fast.equalization, fast.tuning) == ("nearest", "none", 0)
    assert (default.rounding, default.equalization, default.tuning) == ("feedback", "image", 0)
    same = {"name": "int8", "summary": default.summary, "passes": default.passes, "tuning": 0}
    assert dataclasses.replace(thorough, **same) == default
    assert default.passes[-1] == fast.passes[-1] == "cheap-sign-split"
    assert thorough.passes == (*default.passes[:-1], "sign-split")
    assert thorough.tuning > 0
