"""What a rectifier behind a sum cuts off takes no levels, and nothing else changes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.ranges.relu_sum_range import limit_relu_sums
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo

PLAIN = QuantizeRecipe("plain", "", "min-max", (), rounding="feedback")


def switching_network(last: str, also: str = "") -> ir.Model:
    """A block whose second branch switches channels off with values far below zero."""
    generator = np.random.default_rng(4)
    off = np.zeros((8, 3, 3, 3), np.float32)
    off[4:, :, 1, 1] = -20
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["x"]),
        helper.make_node("Conv", ["image", "w1"], ["f"], name="branch", pads=[1] * 4),
        helper.make_node("Add", ["x", "f"], ["s"], name="sum"),
        helper.make_node(last, ["s"], ["r"]),
        helper.make_node("Conv", ["r", "w2"], ["c" if also else "out"], name="end", pads=[1] * 4),
    ]
    if also:
        nodes.append(helper.make_node("Conv", [also, "w2"], ["d"], name="other", pads=[1] * 4))
        nodes.append(helper.make_node("Add", ["c", "d"], ["out"], name="both"))
    constants = {
        "w0": np.abs(weights(generator, 8, 3, 3, 3)),
        "w1": off + 0.1 * weights(generator, 8, 3, 3, 3),
        "w2": 0.3 * weights(generator, 3, 8, 3, 3),
    }
    return model(nodes, constants)


def lows(network: ir.Model) -> tuple[float, float]:
    """Return the lowest value of the branch as seen and as it needs to be."""
    seen = observe_channels(network, [photo(1), photo(2)], 1.0)
    return float(seen["f"].low.min()), float(limit_relu_sums(network.graph, seen)["f"].low.min())


def test_a_branch_is_cut_off_where_the_sum_cannot_be_positive() -> None:
    seen, needed = lows(switching_network("Relu"))
    highest = observe_channels(switching_network("Relu"), [photo(1), photo(2)], 1.0)["x"].high
    assert seen < -10
    assert needed == pytest.approx(-highest.max(), rel=0.2)


@pytest.mark.parametrize(("last", "also"), [("Tanh", ""), ("Relu", "f"), ("Relu", "s")])
def test_a_branch_that_counts_below_zero_keeps_its_range(last: str, also: str) -> None:
    seen, needed = lows(switching_network(last, also))
    assert needed == seen


def test_the_image_is_as_near_as_with_a_branch_that_was_clipped_before() -> None:
    network = switching_network("Relu")
    contract = ImageContract("image-to-image", 1, "rgb")
    quantized = quantize(network, PLAIN, contract, [photo(seed) for seed in range(4)])
    image = to_nchw(photo(50), 1.0)
    error = run(quantized, image, exact=True) - run(network, image).clip(0, 1)
    assert 10 * np.log10(1 / np.mean(error**2)) > 45
