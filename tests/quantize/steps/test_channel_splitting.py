"""Copies in the places of idle channels: nearer to the float image, no wider, nothing lost."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph import edit
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.error_model.channel_sensitivity import measure_sensitivity
from edge_imgq.quantize.steps.quantization_step import not_run
from edge_imgq.skipped import Skipped
from tests.graph.build import run
from tests.quantize.smooth_photo import photo
from tests.quantize.steps.build import (
    COPIED,
    PLAIN,
    carrying_network,
    quantized,
    shapes,
    squared_error,
)


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
