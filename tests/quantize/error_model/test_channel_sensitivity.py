"""What an error in a channel does to the image is foretold."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.error_model.channel_sensitivity import measure_sensitivity
from tests.graph.build import model, weights
from tests.quantize.smooth_photo import photo
from tests.quantize.uneven_network import (
    uneven_network,
)


def test_sensitivity_foretells_what_noise_does_to_the_image() -> None:
    network = uneven_network()
    value = next(v for node in network.graph for v in node.outputs if v.name == "a")
    batch = np.concatenate([to_nchw(photo(seed), 1.0) for seed in range(4)])
    found = measure_sensitivity(network, [value], batch)[value]
    weight = network.graph.initializers["w1"].const_value.numpy().astype(np.float64)
    wanted = np.square(weight).sum(axis=(0, 2, 3)) / 3
    np.testing.assert_allclose(found.error, wanted, rtol=0.1)


@pytest.mark.parametrize("one", [{"at_once": 1}, {"one_by_one": True}], ids=["memory", "graph"])
def test_sensitivity_is_the_same_where_one_image_is_run_at_a_time(one: dict[str, Any]) -> None:
    network = uneven_network()
    values = [v for node in network.graph for v in node.outputs if v.name == "a"]
    batch = np.concatenate([(seed + 1) / 3 * to_nchw(photo(seed), 1.0) for seed in range(3)])
    (whole,) = measure_sensitivity(network, values, batch).values()
    (parts,) = measure_sensitivity(network, values, batch, **one).values()
    np.testing.assert_allclose(parts.energy, whole.energy, rtol=1e-6)
    np.testing.assert_allclose(parts.error, whole.error, rtol=0.1)
    np.testing.assert_allclose(parts.everywhere, whole.everywhere, rtol=0.1)


def network_with_a_constant_plane() -> ir.Model:
    """The image beside a plane of one number that is spread to the image's height and width."""
    generator = np.random.default_rng(4)
    nodes = [
        helper.make_node("Shape", ["image"], ["lengths"]),
        helper.make_node("Slice", ["lengths", "two", "four"], ["sides"]),
        helper.make_node("Concat", ["ones", "sides"], ["shape"], axis=0),
        helper.make_node("Expand", ["sigma", "shape"], ["plane"]),
        helper.make_node("Concat", ["image", "plane"], ["all"], axis=1),
        helper.make_node("Conv", ["all", "w"], ["out"]),
    ]
    for index, node in enumerate(nodes):
        node.name = f"node_{index}"
    constants = {
        "two": np.array([2]),
        "four": np.array([4]),
        "ones": np.array([1, 1]),
        "sigma": np.full((1, 1, 1, 1), 15 / 255, np.float32),
        "w": weights(generator, 3, 4, 1, 1),
    }
    return model(nodes, constants)


def test_a_plane_that_does_not_depend_on_the_image_changes_the_image_by_its_weights() -> None:
    network = network_with_a_constant_plane()
    (plane,) = (v for node in network.graph for v in node.outputs if v.name == "plane")
    batch = np.concatenate([to_nchw(photo(seed), 1.0) for seed in range(2)])
    found = measure_sensitivity(network, [plane], batch, at_once=1)[plane]
    weight = network.graph.initializers["w"].const_value.numpy().astype(np.float64)
    np.testing.assert_allclose(found.error, np.square(weight[:, 3:]).sum((0, 2, 3)) / 3, rtol=0.1)
    np.testing.assert_allclose(found.energy, [(15 / 255) ** 2], rtol=1e-6)
