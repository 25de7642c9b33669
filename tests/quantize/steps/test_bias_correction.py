"""Gain and mean of every channel, put right after rounding."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.steps.bias_correction import measure_fits
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")
PLAIN = QuantizeRecipe("plain", "", "min-max", ())
CORRECTED = QuantizeRecipe("corrected", "", "min-max", (), corrections=("channels",))


def carrying_network(layers: int = 6) -> ir.Model:
    """Carries the image through 1×1 convolutions: rounded gains multiply from layer to layer."""
    generator = np.random.default_rng(12)
    nodes, constants, source = [], {}, "image"
    for index in range(layers):
        target = "out" if index == layers - 1 else f"v{index}"
        constants[f"w{index}"] = (0.97 * np.eye(3) + 0.01 * generator.normal(size=(3, 3))).astype(
            np.float32
        )[..., None, None]
        nodes.append(
            helper.make_node(
                "Conv", [source, f"w{index}"], [target], name=f"conv{index}", kernel_shape=[1, 1]
            )
        )
        source = target
    return model(nodes, constants)


def decibels(network: ir.Model, recipe: QuantizeRecipe) -> float:
    quantized = quantize(network, recipe, CONTRACT, [photo(seed) for seed in range(6)])
    onnx.checker.check_model(ir.to_proto(quantized), full_check=True)
    image = to_nchw(photo(99), 1.0)
    error = run(quantized, image, exact=True) - run(network, image).clip(0, 1)
    return float(10 * np.log10(1 / np.mean(error**2)))


def test_correction_brings_the_image_nearer_the_float_one() -> None:
    network = carrying_network()
    assert decibels(network, CORRECTED) > decibels(network, PLAIN) + 1


def test_after_correction_nothing_is_left_to_correct() -> None:
    network = carrying_network()
    photos = [photo(seed) for seed in range(6)]
    batch = np.concatenate([to_nchw(p, 1.0) for p in photos])
    before = measure_fits(network, quantize(network, PLAIN, CONTRACT, photos), batch)
    after = measure_fits(network, quantize(network, CORRECTED, CONTRACT, photos), batch)

    def largest(fits) -> float:
        return max(np.abs(fit.gain - 1).max() + np.abs(fit.shift).max() for fit in fits.values())

    assert largest(after) < 0.35 * largest(before)


def test_a_dead_channel_is_left_alone() -> None:
    network = carrying_network()
    weight = network.graph.initializers["w2"]
    array = weight.const_value.numpy().copy()
    array[1] = 0
    weight.const_value = ir.tensor(array)
    assert np.isfinite(decibels(network, CORRECTED))


def test_a_transposed_convolution_is_corrected_too() -> None:
    generator = np.random.default_rng(2)
    node = helper.make_node(
        "ConvTranspose", ["image", "w"], ["out"], name="up", kernel_shape=[2, 2], strides=[2, 2]
    )
    network = model([node], {"w": np.abs(weights(generator, 3, 3, 2, 2)) / 4})
    photos = [photo(0)]
    quantized = quantize(network, CORRECTED, ImageContract("image-to-image", 2, "rgb"), photos)
    fits = measure_fits(network, quantized, to_nchw(photos[0], 1.0))
    assert np.abs(fits["up"].gain - 1).max() < 2e-3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_correction_never_makes_a_random_network_worse(seed: int) -> None:
    generator = np.random.default_rng(seed)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], name="second", pads=[1] * 4),
        helper.make_node("Add", ["image", "c"], ["out"]),
    ]
    constants = {
        "w0": weights(generator, 16, 3, 3, 3),
        "w1": 0.2 * weights(generator, 3, 16, 3, 3),
    }
    network = model(nodes, constants)
    assert decibels(network, CORRECTED) > decibels(network, PLAIN) - 0.3
