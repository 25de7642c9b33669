"""What an error in a channel does to the image is foretold."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx import helper

from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.error_model.channel_sensitivity import (
    measure_sensitivity,
)
from tests.graph.build import model, weights
from tests.quantize.smooth_photo import photo


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


def test_sensitivity_foretells_what_noise_does_to_the_image() -> None:
    network = uneven_network()
    value = next(v for node in network.graph for v in node.outputs if v.name == "a")
    batch = np.concatenate([to_nchw(photo(seed), 1.0) for seed in range(4)])
    found = measure_sensitivity(network, [value], batch)[value]
    weight = network.graph.initializers["w1"].const_value.numpy().astype(np.float64)
    wanted = np.square(weight).sum(axis=(0, 2, 3)) / 3
    np.testing.assert_allclose(found.error, wanted, rtol=0.1)


def test_sensitivity_is_the_same_where_memory_holds_one_image_at_a_time() -> None:
    network = uneven_network()
    values = [v for node in network.graph for v in node.outputs if v.name == "a"]
    batch = np.concatenate([(seed + 1) / 3 * to_nchw(photo(seed), 1.0) for seed in range(3)])
    (whole,) = measure_sensitivity(network, values, batch).values()
    (parts,) = measure_sensitivity(network, values, batch, at_once=1).values()
    np.testing.assert_allclose(parts.energy, whole.energy, rtol=1e-6)
    np.testing.assert_allclose(parts.error, whole.error, rtol=0.1)
    np.testing.assert_allclose(parts.everywhere, whole.everywhere, rtol=0.1)
