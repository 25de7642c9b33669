"""Gains and copies of channels are exact in float, whatever lies between the convolutions."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.quantize.steps.channel_equivalence import (
    Channels,
    GainAndSplit,
    apply_gains_and_copies,
    find_channels,
)
from tests.graph.build import model, run, weights


def conv(source: str, weight: str, target: str, *bias: str, **attributes: int):
    return helper.make_node("Conv", [source, weight, *bias], [target], pads=[1] * 4, **attributes)


def residual() -> ir.Model:
    generator = np.random.default_rng(1)
    nodes = [
        conv("image", "w0", "a", "b0"),
        helper.make_node("Relu", ["a"], ["b"]),
        conv("b", "w1", "c"),
        helper.make_node("Add", ["b", "c"], ["d"]),
        helper.make_node("LeakyRelu", ["d"], ["e"], alpha=0.2),
        helper.make_node("MaxPool", ["e"], ["f"], kernel_shape=[2, 2], strides=[2, 2]),
        conv("f", "w2", "out", "b2"),
    ]
    constants = {
        "w0": weights(generator, 8, 3, 3, 3),
        "b0": weights(generator, 8),
        "w1": weights(generator, 8, 8, 3, 3),
        "w2": weights(generator, 3, 8, 3, 3),
        "b2": weights(generator, 3),
    }
    return model(nodes, constants)


def concatenated() -> ir.Model:
    generator = np.random.default_rng(2)
    nodes = [
        conv("image", "w0", "a"),
        helper.make_node("Relu", ["a"], ["b"]),
        conv("b", "w1", "c"),
        helper.make_node("Concat", ["b", "c"], ["d"], axis=1),
        conv("d", "w2", "out"),
    ]
    constants = {
        "w0": weights(generator, 5, 3, 3, 3),
        "w1": weights(generator, 4, 5, 3, 3),
        "w2": weights(generator, 3, 9, 3, 3),
    }
    return model(nodes, constants)


def depthwise() -> ir.Model:
    generator = np.random.default_rng(3)
    nodes = [
        conv("image", "w0", "a"),
        conv("a", "w1", "b", group=6),
        helper.make_node("Relu", ["b"], ["c"]),
        conv("c", "w2", "d", group=2),
        helper.make_node(
            "ConvTranspose", ["d", "w3"], ["out"], kernel_shape=[2, 2], strides=[2, 2]
        ),
    ]
    constants = {
        "w0": weights(generator, 6, 3, 3, 3),
        "w1": weights(generator, 6, 1, 3, 3),
        "w2": weights(generator, 4, 3, 3, 3),
        "w3": weights(generator, 4, 3, 2, 2),
    }
    return model(nodes, constants)


def rectified() -> ir.Model:
    """A PReLU with slopes of its own for every channel, and one with a single slope."""
    generator = np.random.default_rng(4)
    nodes = [
        conv("image", "w0", "a"),
        helper.make_node("PRelu", ["a", "slopes"], ["b"]),
        conv("b", "w1", "c"),
        helper.make_node("PRelu", ["c", "slope"], ["d"]),
        conv("d", "w2", "out"),
    ]
    constants = {
        "w0": weights(generator, 6, 3, 3, 3),
        "w1": weights(generator, 5, 6, 3, 3),
        "w2": weights(generator, 3, 5, 3, 3),
        "slopes": generator.uniform(-0.5, 1.5, (6, 1, 1)).astype(np.float32),
        "slope": np.array([0.3], np.float32),
    }
    return model(nodes, constants)


def drawn(channels: Channels, seed: int) -> GainAndSplit:
    generator = np.random.default_rng(seed)
    gain = np.where(channels.scalable, np.exp(generator.normal(size=channels.count)), 1.0)
    copies = np.where(channels.copyable, generator.integers(1, 4, channels.count), 1)
    return GainAndSplit(gain, copies)


@pytest.mark.parametrize("build", [residual, concatenated, depthwise, rectified])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_gains_and_copies_change_nothing_in_float(build, seed: int) -> None:
    before = build()
    after = before.clone()
    channels = find_channels(after.graph)
    assert channels.scalable.any(), "the network should have something to scale"
    apply_gains_and_copies(after.graph, channels, drawn(channels, seed))
    image = np.random.default_rng(seed).random((1, 3, 16, 12), np.float32)
    np.testing.assert_allclose(run(after, image), run(before, image), atol=2e-5)


def test_gains_reach_the_values_in_between() -> None:
    network = residual()
    channels = find_channels(network.graph)
    spread = GainAndSplit(np.where(channels.scalable, 3.0, 1.0), np.ones(channels.count, np.intp))
    before = network.graph.initializers["w0"].const_value.numpy()
    apply_gains_and_copies(network.graph, channels, spread)
    first = next(node for node in network.graph if node.op_type == "Conv")
    np.testing.assert_allclose(first.inputs[1].const_value.numpy(), 3 * before, rtol=1e-6)


def classes_of(network: ir.Model, name: str) -> tuple[Channels, np.ndarray]:
    channels = find_channels(network.graph)
    return channels, next(c for value, c in channels.of.items() if value.name == name)


@pytest.mark.parametrize("name", ["image", "out"])
def test_the_images_own_values_keep_their_gain(name: str) -> None:
    channels, classes = classes_of(residual(), name)
    assert not channels.scalable[classes].any()
    assert not channels.copyable[classes].any()


@pytest.mark.parametrize("kind", ["Abs", "Neg", "GlobalMaxPool"])
def test_channels_have_gains_through_what_scales_with_them(kind: str) -> None:
    generator = np.random.default_rng(0)
    nodes = [
        conv("image", "w0", "a"),
        helper.make_node(kind, ["a"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        conv("c", "w1", "out"),
    ]
    constants = {"w0": weights(generator, 5, 3, 3, 3), "w1": weights(generator, 3, 5, 3, 3)}
    before, after = model(nodes, constants), model(nodes, constants)
    channels, classes = classes_of(after, "a")
    assert channels.scalable[classes].all()
    apply_gains_and_copies(after.graph, channels, drawn(channels, 1))
    image = np.random.default_rng(2).random((1, 3, 16, 12), np.float32)
    np.testing.assert_allclose(run(after, image), run(before, image), atol=2e-5)


def test_channels_added_to_the_image_keep_their_gain() -> None:
    generator = np.random.default_rng(0)
    nodes = [
        conv("image", "w0", "a"),
        helper.make_node("Add", ["a", "image"], ["b"]),
        conv("b", "w1", "out"),
    ]
    constants = {"w0": weights(generator, 3, 3, 3, 3), "w1": weights(generator, 3, 3, 3, 3)}
    channels, classes = classes_of(model(nodes, constants), "a")
    assert not channels.scalable[classes].any()


def test_channels_that_a_sigmoid_reads_keep_their_gain() -> None:
    generator = np.random.default_rng(0)
    nodes = [
        conv("image", "w0", "a"),
        helper.make_node("Sigmoid", ["a"], ["b"]),
        conv("b", "w1", "out"),
    ]
    constants = {"w0": weights(generator, 4, 3, 3, 3), "w1": weights(generator, 3, 4, 3, 3)}
    for name in ("a", "b"):
        channels, classes = classes_of(model(nodes, constants), name)
        assert not channels.scalable[classes].any()


def test_channels_of_grouped_convolutions_are_not_copied() -> None:
    channels, classes = classes_of(depthwise(), "b")
    assert channels.scalable[classes].all()
    assert not channels.copyable[classes].any()


def test_channels_keep_a_gain_of_their_own_through_a_prelu() -> None:
    channels, classes = classes_of(rectified(), "b")
    assert channels.scalable[classes].all()


def test_a_layer_of_which_one_side_is_unknown_keeps_its_channels() -> None:
    generator = np.random.default_rng(0)
    nodes = [
        helper.make_node("Concat", ["image", "image"], ["all"], axis=1),
        conv("all", "w0", "a"),
        helper.make_node("Relu", ["a"], ["b"]),
        conv("b", "w1", "out"),
    ]
    constants = {"w0": weights(generator, 4, 6, 3, 3), "w1": weights(generator, 3, 4, 3, 3)}
    network = model(nodes, constants)
    (whole,) = (value for node in network.graph for value in node.outputs if value.name == "all")
    whole.shape = None
    channels, classes = classes_of(network, "b")
    assert not channels.scalable[classes].any()
    assert not channels.copyable[classes].any()
