"""Pixel shuffles as transposed convolutions, against ONNX Runtime on the original."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.graph.passes.by_name.pixel_shuffle_to_deconv import pixel_shuffle_to_deconv
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, model, run, weights
from tests.graph.passes.by_name.build import deconvolution, shuffle

MODES = ("DCR", "CRD")


def shuffled(mode, block, kernel, pads, bias, **attributes):
    """Return a convolution to two shuffled channels; `bias` is "none", "agrees" or "differs"."""
    generator = np.random.default_rng(9)
    outputs = 2 * block * block
    constants = {"w": weights(generator, outputs, 3, *kernel)}
    if bias == "differs":
        constants["b"] = weights(generator, outputs)
    elif bias == "agrees":
        one = np.array([0.25, -0.5], np.float32)
        constants["b"] = np.tile(one, block**2) if mode == "DCR" else np.repeat(one, block**2)
    body = helper.make_node(
        "Conv", ["image", *constants], ["a"], pads=pads, kernel_shape=kernel, name="c", **attributes
    )
    return model([body, shuffle(mode, block, "a")], constants)


def same(original, rewritten, size=(6, 7), channels=3) -> None:
    image = np.random.default_rng(1).normal(size=(1, channels, *size)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=2e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("block", [2, 3])
def test_a_shuffle_by_itself_becomes_one_product_by_one_per_output(mode, block) -> None:
    original = model([shuffle(mode, block)], {}, channels=3 * block**2)
    rewritten = rewrite(original, ["pixel-shuffle-to-deconv"])
    assert kinds(rewritten) == ["ConvTranspose"]
    image = np.random.default_rng(2).normal(size=(1, 3 * block**2, 5, 4)).astype(np.float32)
    assert np.array_equal(run(rewritten, image), run(original, image))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bias", ["none", "agrees"])
@pytest.mark.parametrize(
    ("kernel", "pads"),
    [((3, 3), [1, 1, 1, 1]), ((5, 3), [2, 1, 2, 1]), ((2, 4), [0, 1, 1, 2]), ((1, 1), [0] * 4)],
)
def test_a_convolution_does_its_shuffle_by_itself(mode, bias, kernel, pads) -> None:
    original = shuffled(mode, 2, kernel, pads, bias)
    rewritten = rewrite(original, ["pixel-shuffle-to-deconv"])
    assert kinds(rewritten) == ["ConvTranspose"]
    same(original, rewritten)


def test_phases_with_biases_of_their_own_keep_the_convolution() -> None:
    original = shuffled("CRD", 3, (3, 3), [1] * 4, "differs")
    rewritten = rewrite(original, ["pixel-shuffle-to-deconv"])
    assert kinds(rewritten) == ["Conv", "ConvTranspose"]
    same(original, rewritten)


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_a_convolution_of_automatic_padding_does_its_shuffle_too(auto: str) -> None:
    original = shuffled("DCR", 2, (2, 3), None, "none", auto_pad=auto)
    rewritten = rewrite(original, ["pixel-shuffle-to-deconv"])
    assert kinds(rewritten) == ["ConvTranspose"]
    same(original, rewritten)


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [2, 2]},
        {"dilations": [2, 2]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    ],
)
def test_other_convolutions_are_kept_and_only_the_shuffle_changes(attributes) -> None:
    pads = None if "auto_pad" in attributes else [1] * 4
    original = shuffled("DCR", 2, (3, 3), pads, "none", **attributes)
    rewritten = rewrite(original, ["pixel-shuffle-to-deconv"])
    assert kinds(rewritten) == ["Conv", "ConvTranspose"]
    same(original, rewritten, (8, 10))


def test_a_convolution_padded_beyond_its_kernel_is_kept() -> None:
    original = shuffled("DCR", 2, (2, 2), [2, 2, 2, 2], "none")
    rewritten = rewrite(original, ["pixel-shuffle-to-deconv"])
    assert kinds(rewritten) == ["Conv", "ConvTranspose"]
    same(original, rewritten)


def test_a_convolution_that_others_read_too_is_kept() -> None:
    generator = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], pads=[1] * 4, name="c"),
        helper.make_node("DepthToSpace", ["a"], ["d"], blocksize=2, name="s"),
        helper.make_node("SpaceToDepth", ["d"], ["e"], blocksize=2),
        helper.make_node("Add", ["a", "e"], ["out"]),
    ]
    original = model(nodes, {"w": weights(generator, 8, 3, 3, 3)})
    rewritten = rewrite(original, ["pixel-shuffle-to-deconv"])
    assert kinds(rewritten) == ["Conv", "ConvTranspose", "SpaceToDepth", "Add"]
    same(original, rewritten)


def test_it_is_the_way_back_from_the_sub_pixel_form() -> None:
    original = deconvolution(4, 2, 1, 0)
    rewritten = rewrite(original, ["sub-pixel", "pixel-shuffle-to-deconv"])
    assert kinds(rewritten) == ["ConvTranspose"]
    same(original, rewritten)


def test_a_quantized_graph_is_left_alone() -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["a"]),
        shuffle("DCR", 2, "a"),
    ]
    constants = {"s": np.float32(0.1), "z": np.int8(0)}
    assert pixel_shuffle_to_deconv(model(nodes, constants, channels=4)) == 0
