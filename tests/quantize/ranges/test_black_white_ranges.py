"""Black and white are never clipped, whatever the calibration images showed."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.ranges.black_white_ranges import include_black_and_white
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")
RECIPE = QuantizeRecipe("plain", "", "min-max", (), rounding="feedback", equalization="image")


def smoothing_network() -> ir.Model:
    generator = np.random.default_rng(5)
    first = np.abs(weights(generator, 8, 3, 3, 3))
    second = np.abs(weights(generator, 3, 8, 3, 3))
    first /= first.sum((1, 2, 3), keepdims=True)
    second /= second.sum((1, 2, 3), keepdims=True)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["out"], name="second", pads=[1] * 4),
    ]
    return model(nodes, {"w0": first, "w1": second})


def dim(seed: int) -> np.ndarray:
    """A photograph between the levels 80 and 160."""
    return (80 + photo(seed) / 255 * 80).round().astype(np.uint8)


def test_white_comes_out_as_white_after_dim_photographs() -> None:
    network = smoothing_network()
    quantized = quantize(network, RECIPE, CONTRACT, [dim(seed) for seed in range(4)])
    for level in (0.0, 1.0):
        flat = np.full((1, 3, 32, 32), level, np.float32)
        error = run(quantized, flat, exact=True) - run(network, flat).clip(0, 1)
        assert np.abs(error[..., 4:-4, 4:-4]).max() <= 1.01 / 255


def test_ranges_of_photographs_that_reach_farther_stay() -> None:
    network = smoothing_network()
    checkers = np.kron(np.indices((16, 16)).sum(0) % 2, np.ones((6, 6)))[..., None]
    wild = np.repeat(checkers * 255, 3, axis=2).astype(np.uint8)
    seen = observe_channels(network, [wild], 1.0)
    reached = include_black_and_white(network, seen, CONTRACT, (96, 96))
    for name, found in seen.items():
        assert (reached[name].low <= found.low).all()
        assert (reached[name].high >= found.high).all()


def test_what_black_makes_infinite_keeps_the_range_of_the_photographs() -> None:
    nodes = [
        helper.make_node("ReduceMax", ["image", "axes"], ["most"], name="most"),
        helper.make_node("Div", ["image", "most"], ["a"], name="a"),
        helper.make_node("Conv", ["a", "w"], ["out"], name="out"),
    ]
    constants = {"w": np.ones((3, 3, 1, 1), np.float32), "axes": np.array([2, 3])}
    network = model(nodes, constants)
    seen = observe_channels(network, [dim(0)], 1.0)
    reached = include_black_and_white(network, seen, CONTRACT, (96, 96))
    assert reached["a"] is seen["a"]
    assert reached["most"].low.tolist() == [0, 0, 0]
    assert reached["most"].high.tolist() == [1, 1, 1]
