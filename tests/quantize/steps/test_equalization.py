"""Equalization, its price foretold and its gain seen by ONNX Runtime."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.quantize import Quantized, quantize_in_steps
from edge_imgq.quantize.steps import gptq
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo

IMAGE = to_nchw(photo(9), 1.0)
CONTRACT = ImageContract("image-to-image", 1, "rgb")
PLAIN = QuantizeRecipe("plain", "", "min-max", (), rounding="feedback")
EQUALIZED = dataclasses.replace(PLAIN, equalization="image")


def uneven_network() -> ir.Model:
    """Channels of ranges that differ by a factor of ten thousand."""
    generator = np.random.default_rng(3)
    gain = (10.0 ** np.linspace(-2, 2, 8)).astype(np.float32)
    first, second = np.abs(weights(generator, 8, 3, 3, 3)), weights(generator, 3, 8, 3, 3)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], name="second", pads=[1] * 4),
        helper.make_node("Add", ["image", "c"], ["out"], name="sum"),
    ]
    constants = {
        "w0": first * gain.reshape(-1, 1, 1, 1),
        "w1": 0.05 * second / gain.reshape(1, -1, 1, 1),
    }
    return model(nodes, constants)


def decibels(network: ir.Model, quantized: ir.Model) -> float:
    image = to_nchw(photo(77), 1.0)
    error = run(quantized, image, exact=True) - run(network, image).clip(0, 1)
    return float(10 * np.log10(1 / np.mean(error**2)))


def quantized(network: ir.Model, recipe: QuantizeRecipe) -> Quantized:
    return quantize_in_steps(network, recipe, CONTRACT, [photo(seed) for seed in range(6)])


def test_a_network_with_uneven_channels_comes_nearer_to_its_float_self() -> None:
    network = uneven_network()
    plain, equalized = (quantized(network, recipe) for recipe in (PLAIN, EQUALIZED))
    assert decibels(network, equalized.model) > decibels(network, plain.model) + 15


def test_every_step_says_where_it_left_the_image() -> None:
    network = uneven_network()
    steps = quantized(network, EQUALIZED).steps
    assert [step.name for step in steps] == ["scales", "feedback", "equalization"]
    kept = [step.psnr for step in steps if step.kept]
    assert kept == sorted(kept)
    assert steps[-1].kept


def test_a_step_that_does_not_help_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    def ruin(_: ir.Model, quantized: ir.Model, __: np.ndarray) -> None:
        for name, value in quantized.graph.initializers.items():
            if name.endswith(".int8"):
                value.const_value = ir.tensor(np.zeros(value.const_value.shape.numpy(), np.int8))

    monkeypatch.setattr(gptq, "round_with_feedback", ruin)
    network = uneven_network()
    result = quantized(network, PLAIN)
    nearest = quantized(network, dataclasses.replace(PLAIN, rounding="nearest"))
    assert [step.kept for step in result.steps] == [True, False]
    image = to_nchw(photo(5), 1.0)
    after, before = (run(q.model, image, exact=True) for q in (result, nearest))
    assert np.array_equal(after, before)


def trunk_that_carries_the_image(layers: int = 5) -> ir.Model:
    """Three channels of the image beside five that are twice as loud and of which little is read.

    No image takes the three farther than white; the others go on beyond what photographs show.
    """
    generator = np.random.default_rng(8)
    nodes, constants = [], {}
    source, width = "image", 3
    for index in range(layers):
        weight = 0.3 * weights(generator, 8, width, 3, 3)
        loud = np.abs(weights(generator, 5, 3, 3, 3))
        weight[3:, :3] = 2 * loud / loud.sum(axis=(1, 2, 3), keepdims=True)
        weight[range(3), range(3), 1, 1] = 1
        constants[f"w{index}"] = weight
        nodes += [
            helper.make_node("Conv", [source, f"w{index}"], [f"c{index}"], pads=[1] * 4),
            helper.make_node("Relu", [f"c{index}"], [f"r{index}"]),
        ]
        source, width = f"r{index}", 8
    last = 0.3 * weights(generator, 3, 8, 3, 3)
    last[range(3), range(3), 1, 1] = 1
    nodes.append(helper.make_node("Conv", [source, "last"], ["out"], pads=[1] * 4))
    for index, node in enumerate(nodes):
        node.name = f"node_{index}"
    return model(nodes, constants | {"last": last})
