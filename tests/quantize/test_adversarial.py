"""Calibration sets and weights that nobody wishes for: a good file, or a clear refusal."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")
WHOLE = QuantizeRecipe(
    "whole",
    "",
    "min-max",
    (),
    rounding="feedback",
    corrections=("channels",),
    equalization="image",
)


def network(**changes: np.ndarray) -> ir.Model:
    """A residual network; `changes` multiply the weights that they name."""
    generator = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], name="second", pads=[1] * 4),
        helper.make_node("Add", ["image", "c"], ["out"], name="sum"),
    ]
    constants = {
        "w0": np.abs(weights(generator, 8, 3, 3, 3)),
        "w1": 0.05 * weights(generator, 3, 8, 3, 3),
    }
    for name, factor in changes.items():
        constants[name] = (constants[name] * factor).astype(np.float32)
    return model(nodes, constants)


def decibels(original: ir.Model, photos: list[np.ndarray], recipe: QuantizeRecipe = WHOLE) -> float:
    quantized = quantize(original, recipe, CONTRACT, photos)
    onnx.checker.check_model(ir.to_proto(quantized), full_check=True)
    image = to_nchw(photo(99), 1.0)
    error = run(quantized, image, exact=True) - run(original, image).clip(0, 1)
    assert np.isfinite(error).all()
    return float(10 * np.log10(1 / np.mean(error**2)))


def photos() -> list[np.ndarray]:
    return [photo(seed) for seed in range(4)]


def channels(values: list[float], axis: int) -> np.ndarray:
    return np.array(values).reshape([-1 if i == axis else 1 for i in range(4)])


def test_one_constant_channel() -> None:
    flat = [np.dstack([p[..., :2], np.full((96, 96), 128, np.uint8)]) for p in photos()]
    assert decibels(network(), flat) > 35


def test_an_outlier_a_thousand_times_the_rest() -> None:
    gain = [1000.0] + [1.0] * 7
    uneven = network(w0=channels(gain, 0), w1=1 / channels(gain, 1))
    assert decibels(uneven, photos()) > 50


def test_dead_channels() -> None:
    alive = [0.0, 0.0] + [1.0] * 6
    assert decibels(network(w0=channels(alive, 0)), photos()) > 50


@pytest.mark.parametrize("name", ["w0", "w1"])
def test_weights_of_a_hundred_millionth(name: str) -> None:
    assert decibels(network(**{name: np.float32(1e-8)}), photos()) > 50


def test_an_all_black_calibration_set_gives_a_valid_file() -> None:
    black = [np.zeros((96, 96, 3), np.uint8)] * 3
    quantized = quantize(network(), WHOLE, CONTRACT, black)
    onnx.checker.check_model(ir.to_proto(quantized), full_check=True)
    image = to_nchw(black[0], 1.0)
    assert np.abs(run(quantized, image, exact=True) - run(network(), image)).max() < 1e-6


def test_fine_tuning_survives_a_black_calibration_set() -> None:
    black = [np.zeros((32, 32, 3), np.uint8)]
    tuned = dataclasses.replace(WHOLE, tuning=2)
    quantized = quantize(network(), tuned, CONTRACT, black)
    assert np.isfinite(run(quantized, to_nchw(photo(1), 1.0), exact=True)).all()
