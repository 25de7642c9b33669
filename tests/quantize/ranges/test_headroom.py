"""Channels keep room for what calibration images do not show."""

from __future__ import annotations

import numpy as np
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.error_model.channel_sensitivity import (
    channel_sensitivity,
)
from edge_imgq.quantize.ranges.headroom import headroom
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.scales.scale_constraints import image_quantization
from edge_imgq.quantize.steps.bias_correction import zero_biases
from edge_imgq.quantize.steps.equalization import equalize
from tests.graph.build import model, run
from tests.quantize.smooth_photo import photo
from tests.quantize.uneven_network import (
    CONTRACT,
    IMAGE,
    trunk_that_carries_the_image,
)


def test_channels_that_flat_images_fill_get_the_levels() -> None:
    network = trunk_that_carries_the_image()
    zero_biases(network.graph)
    images = [photo(seed) for seed in range(3)]
    batch = np.concatenate([to_nchw(image, 1.0) for image in images])
    seen = observe_channels(network, [*images, np.full_like(images[0], 255)], 1.0)
    found = channel_sensitivity(network, batch)
    twice = {
        name: ChannelRange(2 * r.low, np.minimum(2 * r.high, r.high.max()))
        for name, r in seen.items()
    }
    levels = []
    for reachable in (headroom(network, seen, batch, CONTRACT), twice):
        graph = network.clone()
        gained, _ = equalize(graph, seen, image_quantization(1 / 255), found, "feedback", reachable)
        np.testing.assert_allclose(run(graph, IMAGE), run(network, IMAGE), atol=1e-4)
        highs = [gained[f"r{index}"].high for index in (1, 2, 3)]
        levels.append(np.mean([high[:3] / high.max() for high in highs]))
    assert levels[0] > 0.97
    assert levels[1] < 0.95


def test_room_is_kept_above_what_flat_images_do_not_fill() -> None:
    edges = np.zeros((2, 1, 3, 3), np.float32)
    edges[0, 0, 1, 1], edges[1, 0, 1, :2] = 1, (1, -1)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], name="a", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"], name="b"),
        helper.make_node("Conv", ["b", "v"], ["out"], name="out"),
    ]
    network = model(nodes, {"w": edges, "v": np.ones((1, 2, 1, 1), np.float32)}, channels=1)
    # Brightness and a rising edge: of a photograph the one is at most 1, the other .2.
    seen = observe_channels(network, [np.full((8, 8, 1), 255, np.uint8)], 1.0)
    seen |= {"b": ChannelRange(np.zeros(2), np.array([1.0, 0.2]))}
    bars = np.tile(np.arange(8) % 2, (1, 1, 8, 1)).astype(np.float32)
    reachable = headroom(network, seen, bars, ImageContract("image-to-image", 1, "y"))
    np.testing.assert_allclose(reachable["b"].high, [1.0, 0.4])


def test_a_network_that_divides_flat_images_by_zero_keeps_all_room() -> None:
    nodes = [
        helper.make_node("ReduceMax", ["image", "axes"], ["most"], name="most"),
        helper.make_node("Div", ["image", "most"], ["a"], name="a"),
        helper.make_node("Conv", ["a", "w"], ["out"], name="out"),
    ]
    constants = {"w": np.ones((1, 1, 1, 1), np.float32), "axes": np.array([2, 3])}
    network = model(nodes, constants, channels=1)
    image = photo(0)[..., :1]
    with np.errstate(all="raise"):
        seen = observe_channels(network, [image], 1.0)
        contract = ImageContract("image-to-image", 1, "y")
        reachable = headroom(network, seen, to_nchw(image, 1.0), contract)
    assert {name: limits.high.tolist() for name, limits in reachable.items()} == {
        name: found.high.tolist() for name, found in seen.items()
    }


def test_what_is_known_from_before_such_a_division_counts_for_nothing() -> None:
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], name="first"),
        helper.make_node("ReduceMax", ["c", "axes"], ["most"], name="most"),
        helper.make_node("Div", ["c", "most"], ["a"], name="a"),
        helper.make_node("Conv", ["a", "v"], ["out"], name="out"),
    ]
    constants = {
        "w": np.array([0.25, 1], np.float32).reshape(2, 1, 1, 1),
        "axes": np.array([2, 3]),
        "v": np.ones((1, 2, 1, 1), np.float32),
    }
    network, image = model(nodes, constants, channels=1), photo(0)[..., :1]
    seen = observe_channels(network, [image], 1.0)
    contract = ImageContract("image-to-image", 1, "y")
    reachable = headroom(network, seen, to_nchw(image, 1.0), contract)
    np.testing.assert_allclose(reachable["c"].high, seen["c"].high * [2, 1])
