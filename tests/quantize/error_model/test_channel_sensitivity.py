"""What an error in a channel does to the image is foretold."""

from __future__ import annotations

import numpy as np

from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.error_model.channel_sensitivity import (
    measure_sensitivity,
)
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


def test_sensitivity_is_the_same_where_memory_holds_one_image_at_a_time() -> None:
    network = uneven_network()
    values = [v for node in network.graph for v in node.outputs if v.name == "a"]
    batch = np.concatenate([(seed + 1) / 3 * to_nchw(photo(seed), 1.0) for seed in range(3)])
    (whole,) = measure_sensitivity(network, values, batch).values()
    (parts,) = measure_sensitivity(network, values, batch, at_once=1).values()
    np.testing.assert_allclose(parts.energy, whole.energy, rtol=1e-6)
    np.testing.assert_allclose(parts.error, whole.error, rtol=0.1)
    np.testing.assert_allclose(parts.everywhere, whole.everywhere, rtol=0.1)
