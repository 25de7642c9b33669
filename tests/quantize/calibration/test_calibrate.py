"""Ranges are what ONNX Runtime computes on all images, in memory that does not grow."""

from __future__ import annotations

import resource
import subprocess
import sys

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.errors import ImageError, NonFiniteOutputError
from edge_imgq.quantize.calibration.calibrate import (
    observe_channels,
    observe_finite,
    observe_ranges,
)
from edge_imgq.quantize.ranges.ranges import Range
from edge_imgq.quantize.scales.scales import activations
from tests.graph.build import model, run
from tests.quantize.build import (
    CHECKOUT,
    DEEP,
    as_input,
    photo,
    residual_network,
)


def test_ranges_cover_all_images_whatever_their_order() -> None:
    network = residual_network()
    photos = [photo(seed) // (seed + 1) for seed in range(3)]
    forwards = observe_ranges(network, photos, 1.0)
    assert forwards == observe_ranges(network, reversed(photos), 1.0)
    assert forwards["image"] == Range(0.0, 1.0)
    assert set(forwards) == {value.name for value in activations(network.graph)}


def test_ranges_are_what_onnx_runtime_computes() -> None:
    network = residual_network()
    pixels = photo()
    seen = observe_ranges(network, [pixels], 1.0)["out"]
    output = run(network, as_input(pixels))
    assert (seen.low, seen.high) == pytest.approx((output.min(), output.max()), abs=1e-6)


def identity() -> ir.Model:
    return model([helper.make_node("Relu", ["image"], ["out"])], {})


def flat(level: int) -> np.ndarray:
    return np.full((16, 24, 3), level, np.uint8)


def test_extremes_are_averaged_over_images_in_their_order() -> None:
    found = observe_channels(identity(), map(flat, (51, 102, 255)), 1.0, closely=True)["out"]
    assert found.detail is not None
    mean = np.full(3, (0.2 + 0.4 + 1.0) / 3)
    np.testing.assert_allclose(found.detail.low, mean, atol=1e-6)
    np.testing.assert_allclose(found.detail.high, mean, atol=1e-6)
    np.testing.assert_allclose(found.high, np.ones(3))


def test_of_many_images_the_last_ones_count_a_tenth_each() -> None:
    levels = [0] * 30 + [255]
    found = observe_channels(identity(), map(flat, levels), 1.0, closely=True)["out"]
    assert found.detail is not None
    np.testing.assert_allclose(found.detail.high, np.full(3, 0.1), atol=1e-6)


def test_what_becomes_infinite_is_left_out_where_it_may_be() -> None:
    nodes = [
        helper.make_node("Reciprocal", ["image"], ["inverse"]),
        helper.make_node("Add", ["image", "image"], ["twice"]),
        helper.make_node("Add", ["inverse", "twice"], ["out"]),
    ]
    found = observe_finite(model(nodes, {}), [flat(0), flat(255)], 1.0)
    assert "inverse" not in found
    np.testing.assert_allclose(found["twice"].high, np.full(3, 2.0))
    np.testing.assert_allclose(found["twice"].low, np.zeros(3))


def test_no_image_is_refused() -> None:
    with pytest.raises(ImageError, match="at least one"):
        observe_ranges(residual_network(), [], 1.0)


def test_an_activation_that_overflows_is_named() -> None:
    huge = {"w": np.full((3, 3, 1, 1), 3e38, np.float32)}
    node = helper.make_node("Conv", ["image", "w"], ["out"], kernel_shape=[1, 1])
    with pytest.raises(NonFiniteOutputError, match="'out' becomes NaN or infinite"):
        observe_ranges(model([node], huge), [photo()], 1.0)


def test_memory_does_not_grow_with_the_number_of_images() -> None:
    network = residual_network()

    def peak_after(count: int) -> int:
        observe_ranges(network, (photo(seed, (256, 256)) for seed in range(count)), 1.0)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    few = peak_after(4)
    assert peak_after(64) - few < 20_000  # kB; 60 more images and activations would be 400 MB


def test_memory_does_not_grow_with_the_number_of_layers() -> None:
    found = subprocess.run(
        [sys.executable, "-c", DEEP], check=True, capture_output=True, text=True, cwd=CHECKOUT
    )
    assert int(found.stdout) < 50_000  # kB; all activations at once would be 190 MB
