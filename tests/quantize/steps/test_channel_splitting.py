"""Copies in the places of idle channels: nearer to the float image, no wider, nothing lost."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.graph import edit
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.error_model.channel_sensitivity import measure_sensitivity
from edge_imgq.quantize.quantize import Quantized, quantize_in_steps
from edge_imgq.quantize.steps.quantization_step import not_run
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.skipped import Skipped
from tests.graph.build import model, run, weights
from tests.quantize.steps.test_bias_correction import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")
PLAIN = QuantizeRecipe("plain", "", "min-max", (), rounding="feedback")
COPIED = dataclasses.replace(PLAIN, copies="spare")


def carrying_network(idle: int, faint: float = 0.0) -> ir.Model:
    """Three channels carry the image, others a little of it, and `idle` ones next to nothing."""
    generator = np.random.default_rng(3)
    gain = np.concatenate([np.full(4, 0.01), np.full(idle, faint)]).astype(np.float32)
    first = np.zeros((7 + idle, 3, 3, 3), np.float32)
    first[[0, 1, 2], [0, 1, 2], 1, 1] = 1
    first[3:] = gain.reshape(-1, 1, 1, 1) * np.abs(weights(generator, 4 + idle, 3, 3, 3))
    second = 0.2 * weights(generator, 3, 7 + idle, 3, 3)
    second[[0, 1, 2], [0, 1, 2], 1, 1] = 0.9
    nodes = [
        helper.make_node("Conv", ["image", "w0", "b0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Conv", ["b", "w1", "b1"], ["out"], name="second", pads=[1] * 4),
    ]
    # The image at 0.7 of its contrast, so that its levels and those of the layer do not coincide.
    constants = {
        "w0": first * np.float32(0.7),
        "b0": np.full(7 + idle, 0.05 * (faint == 0), np.float32) * (first != 0).any((1, 2, 3)),
        "w1": second,
        "b1": np.full(3, 0.02, np.float32),
    }
    return model(nodes, constants)


def quantized(network: ir.Model, recipe: QuantizeRecipe) -> Quantized:
    return quantize_in_steps(network, recipe, CONTRACT, [photo(seed) for seed in range(6)])


def squared_error(network: ir.Model, other: ir.Model) -> float:
    image = to_nchw(photo(77), 1.0)
    error = run(other, image, exact=True) - run(network, image).clip(0, 1)
    return float(np.mean((255 * error) ** 2))


def shapes(network: ir.Model) -> list[tuple[int, ...]]:
    kernels = [node.inputs[1] for node in network.graph if node.op_type == "Conv"]
    return [tuple(k.shape.numpy()) for k in kernels if k is not None and k.shape is not None]


def test_copies_take_the_noise_of_the_channels_that_carry_the_image() -> None:
    network = carrying_network(idle=9)
    plain, copied = (quantized(network, recipe) for recipe in (PLAIN, COPIED))
    rounding_of_the_output = 1 / 12
    before = squared_error(network, plain.model) - rounding_of_the_output
    after = squared_error(network, copied.model) - rounding_of_the_output
    assert copied.steps[-1].name == "copies"
    assert copied.steps[-1].kept
    assert after < before / 4


def test_no_tensor_becomes_wider() -> None:
    network = carrying_network(idle=9)
    assert shapes(quantized(network, COPIED).original) == shapes(network)


def test_channels_that_are_needed_are_not_given_up() -> None:
    network = carrying_network(idle=6, faint=0.3)
    first, second = (network.graph.initializers[name] for name in ("w0", "w1"))
    kernel, reader = (edit.contents(value).copy() for value in (first, second))
    # Rectified details, which no sum of the other channels makes, and which the image is full of.
    kernel[3:] *= np.random.default_rng(2).choice([-3, 3], kernel[3:].shape).astype(np.float32)
    kernel[3:] -= kernel[3:].mean(axis=(1, 2, 3), keepdims=True)
    reader[:, 3:] *= 10
    first.const_value, second.const_value = ir.tensor(kernel), ir.tensor(reader)
    *steps, copies = quantized(network, COPIED).steps
    assert [step.name for step in steps] == ["scales", "feedback"]
    assert copies == not_run("copies", Skipped("no channel is worth a copy"))


def test_the_float_graph_with_copies_computes_the_same_image_but_for_half_levels() -> None:
    network = carrying_network(idle=9)
    copied = quantized(network, COPIED).original
    image = to_nchw(photo(77), 1.0)
    assert np.abs(run(copied, image) - run(network, image)).max() < 0.25 / 255


@pytest.mark.parametrize("channel", [0, 4])
def test_absence_is_what_the_image_loses_without_the_channel(channel: int) -> None:
    network = carrying_network(idle=2)
    value = next(v for node in network.graph for v in node.outputs if v.name == "b")
    batch = np.concatenate([to_nchw(photo(seed), 1.0) for seed in range(8)])
    absence = measure_sensitivity(network, [value], batch)[value].absence[channel]
    without = network.clone()
    kernel = without.graph.initializers["w1"]
    zeroed = kernel.const_value.numpy().copy()
    zeroed[:, channel] = 0
    kernel.const_value = ir.tensor(zeroed)
    changes = [run(without, image[None]) - run(network, image[None]) for image in batch]
    lost = np.mean(np.square(changes, dtype=np.float64))
    # Estimated from eight patches with two signs each.
    assert lost / 3 < absence < lost * 3
