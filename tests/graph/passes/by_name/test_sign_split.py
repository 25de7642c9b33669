"""PReLU as rectified sign channels, against ONNX Runtime on the original."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, model, run, weights

SLOPES = np.array([0.0, 0.25, 1.0, 1.99, -0.43, -1.3], np.float32)


def network(*, slope=SLOPES[:, None, None], tail: str = "Conv", head: str = "Conv"):
    """A head, a PReLU on six channels, and a tail."""
    generator = np.random.default_rng(7)
    nodes = []
    if head == "Conv":
        nodes.append(helper.make_node("Conv", ["image", "w", "b"], ["x"], kernel_shape=[1, 1]))
    else:
        nodes.append(helper.make_node("Add", ["image", "shift"], ["x"]))
    nodes.append(helper.make_node("PRelu", ["x", "slope"], ["y"]))
    if tail == "Conv":
        nodes.append(helper.make_node("Conv", ["y", "v"], ["out"], kernel_shape=[3, 3]))
    else:
        nodes.append(helper.make_node("Add", ["y", "x"], ["out"]))
    constants = {
        "w": weights(generator, 6, 6, 1, 1),
        "b": weights(generator, 6),
        "v": weights(generator, 2, 6, 3, 3),
        "shift": weights(generator, 1, 6, 1, 1),
        "slope": np.asarray(slope, np.float32),
    }
    return model(nodes, constants, channels=6)


def image() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(1, 6, 8, 9)).astype(np.float32)


@pytest.mark.parametrize("head", ["Conv", "Add"])
@pytest.mark.parametrize("tail", ["Conv", "Add"])
def test_any_slope_between_any_neighbours_is_exact(head, tail) -> None:
    original = network(head=head, tail=tail)
    rewritten = rewrite(original, ["sign-split"])
    assert "PRelu" not in kinds(rewritten)
    np.testing.assert_allclose(run(rewritten, image()), run(original, image()), atol=2e-6)


@pytest.mark.parametrize("slope", [0.3, [0.3], np.full((1, 6, 1, 1), -0.7)])
def test_slopes_of_every_shape_are_understood(slope) -> None:
    original = network(slope=slope)
    rewritten = rewrite(original, ["sign-split"])
    assert kinds(rewritten) == ["Conv", "Relu", "Conv"]
    np.testing.assert_allclose(run(rewritten, image()), run(original, image()), atol=2e-6)


def test_a_channel_of_slope_zero_gets_no_second_half() -> None:
    rewritten = rewrite(network(), ["sign-split"])
    sign_channels = rewritten.graph[0].inputs[1]
    assert sign_channels is not None
    assert sign_channels.shape[0] == 6 + np.count_nonzero(SLOPES)


def test_sign_channels_keep_the_sizes_of_weights_that_share_a_scale() -> None:
    """The slope goes into the producer: the consumer holds V and ∓V, never a·V."""
    rewritten = rewrite(network(), ["sign-split"])
    original = network().graph.initializers["v"].const_value.numpy()
    both = rewritten.graph[2].inputs[1].const_value.numpy()
    np.testing.assert_array_equal(both[:, :6], original)
    np.testing.assert_array_equal(np.abs(both[:, 6:]), np.abs(original[:, SLOPES != 0]))


def test_a_slope_that_varies_inside_a_channel_is_left_alone() -> None:
    varying = np.random.default_rng(0).normal(size=(6, 8, 9))
    assert "PRelu" in kinds(rewrite(network(slope=varying), ["sign-split"]))


def shuffled(tail: str, mode: str = "DCR", *, alike: bool = True):
    """A convolution, a PReLU, a shuffle, and a tail."""
    generator = np.random.default_rng(11)
    slopes = np.tile(SLOPES[3:6], 4) if alike else np.linspace(-1, 1, 12)
    nodes = [
        helper.make_node("Conv", ["image", "w", "b"], ["x"], kernel_shape=[1, 1]),
        helper.make_node("PRelu", ["x", "slope"], ["y"]),
        helper.make_node("DepthToSpace", ["y"], ["z"], blocksize=2, mode=mode),
        helper.make_node("Conv", ["z", "v"], ["out"], kernel_shape=[3, 3])
        if tail == "Conv"
        else helper.make_node("Tanh", ["z"], ["out"]),
    ]
    constants = {
        "w": weights(generator, 12, 6, 1, 1), "b": weights(generator, 12),
        "v": weights(generator, 2, 3, 3, 3), "slope": slopes.astype(np.float32)[:, None, None],
    }  # fmt: skip
    return model(nodes, constants, channels=6)


@pytest.mark.parametrize(
    ("tail", "wanted"),
    [("Conv", ["Conv", "Relu", "DepthToSpace", "Conv"]),
     ("Tanh", ["Conv", "Relu", "DepthToSpace", "Conv", "Tanh"])],
)  # fmt: skip
def test_both_sign_channels_pass_a_shuffle(tail, wanted) -> None:
    original = shuffled(tail)
    rewritten = rewrite(original, ["sign-split"])
    assert kinds(rewritten) == wanted
    np.testing.assert_allclose(run(rewritten, image()), run(original, image()), atol=5e-6)


@pytest.mark.parametrize(("mode", "alike"), [("CRD", True), ("DCR", False)])
def test_sign_channels_are_merged_before_a_shuffle_that_would_mix_them(mode, alike) -> None:
    original = shuffled("Conv", mode, alike=alike)
    rewritten = rewrite(original, ["sign-split"])
    assert kinds(rewritten) == ["Conv", "Relu", "Conv", "DepthToSpace", "Conv"]
    np.testing.assert_allclose(run(rewritten, image()), run(original, image()), atol=5e-6)
