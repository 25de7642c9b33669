"""A convolution of a concatenation is the sum of those of its parts, written where that pays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.errors import RecipeError
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.error_model.channel_sensitivity import image_weights
from edge_imgq.quantize.prepare.split_concat_conv import split_concatenations, with_partial_sums
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.scales.scale_constraints import image_quantization
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import kinds, parsed, run, weights
from tests.quantize.smooth_photo import photo

PLAIN = QuantizeRecipe("plain", "", "min-max", ())
CONTRACT = ImageContract("image-to-image", 1, "rgb")
PHOTOS = [photo(seed) for seed in range(3)]


def network(wide: float, tail: str = "", read: str = "c", also: str = "out = Identity(y)") -> Any:
    """A wide and a narrow part, concatenated; the end needs both alike."""
    generator = np.random.default_rng(3)
    body = (
        "a = Conv<pads = [1, 1, 1, 1]>(image, wa) b = Conv<pads = [1, 1, 1, 1]>(image, wb) "
        f"c = Concat<axis = 1>(a, b) {tail} y = Conv<pads = [1, 1, 1, 1]>({read}, w, bias) {also}"
    )
    ends = weights(generator, 3, 9, 3, 3)
    ends[:, :4] /= wide
    constants = {
        "wa": wide * weights(generator, 4, 3, 3, 3),
        "wb": weights(generator, 5, 3, 3, 3),
        "w": ends,
        "bias": np.float32([0.4, 0.5, 0.6]),
        "low": np.float32(-0.3),
        "high": np.float32(60),
    }
    return parsed(body, constants, size="96,96", channels=3)


def parted(graph: ir.Model) -> ir.Model:
    """Return the graph after the decision."""
    copy = graph.clone()
    seen = observe_channels(with_partial_sums(copy), PHOTOS, 1.0)
    batch = np.concatenate([to_nchw(image, 1.0) for image in PHOTOS])
    image = image_quantization(1 / 255)
    split_concatenations(copy, seen, image, lambda: image_weights(copy, batch), gains=False)
    return copy


def fidelity(graph: ir.Model, recipe: QuantizeRecipe = PLAIN) -> float:
    image = to_nchw(photo(50), 1.0)
    error = run(quantize(graph, recipe, CONTRACT, PHOTOS), image, exact=True)
    return float(-10 * np.log10(np.mean((error.clip(0, 1) - run(graph, image).clip(0, 1)) ** 2)))


@pytest.mark.parametrize(
    ("tail", "read"),
    [
        ("", "c"),
        ("r = Relu(c)", "r"),
        ("s = Sigmoid(c) r = Mul(c, s)", "r"),
        ("r = Clip(c, low, high)", "r"),
    ],
)
def test_parts_compute_what_the_whole_did(tail: str, read: str) -> None:
    graph = network(30, tail, read)
    result = parted(graph)
    assert "Concat" not in kinds(result)
    assert kinds(result).count("Conv") == 4
    image = to_nchw(photo(7), 1.0)
    np.testing.assert_allclose(run(result, image), run(graph, image), atol=2e-5)


def test_two_convolutions_and_a_fused_rectifier_behind_one_concatenation() -> None:
    also = "r = Relu(y) z = Conv<pads = [1, 1, 1, 1]>(c, w) out = Add(r, z)"
    graph = network(30, also=also)
    result = parted(graph)
    assert kinds(result).count("Conv") == 6
    image = to_nchw(photo(7), 1.0)
    np.testing.assert_allclose(run(result, image), run(graph, image), atol=2e-5)
    assert fidelity(graph) > 43


@pytest.mark.parametrize(
    ("tail", "read", "also"),
    [
        ("r = ReduceMean<keepdims = 1>(c)", "c", "out = Add(y, r)"),  # something else reads it
        ("m = MaxPool<kernel_shape = [1, 1]>(c)", "m", "out = Identity(y)"),
    ],
)
def test_a_whole_that_others_read_stays(tail: str, read: str, also: str) -> None:
    assert "Concat" in kinds(parted(network(30, tail, read, also)))


def test_parts_of_one_range_stay_together() -> None:
    assert "Concat" in kinds(parted(network(1)))


def test_a_narrow_part_keeps_its_levels() -> None:
    """Against a graph that a person wrote as a sum of convolutions."""
    graph = network(30)
    by_hand = (
        "a = Conv<pads = [1, 1, 1, 1]>(image, wa) b = Conv<pads = [1, 1, 1, 1]>(image, wb) "
        "y = Conv<pads = [1, 1, 1, 1]>(a, u, bias) z = Conv<pads = [1, 1, 1, 1]>(b, v) "
        "out = Add(y, z)"
    )
    constants = {name: v.const_value.numpy() for name, v in graph.graph.initializers.items()}
    constants |= {"u": constants["w"][:, :4].copy(), "v": constants.pop("w")[:, 4:].copy()}
    written = parsed(by_hand, constants, size="96,96", channels=3)
    assert fidelity(graph) == pytest.approx(fidelity(written), abs=0.3)
    assert fidelity(graph) > 45


def test_a_recipe_may_name_the_parts() -> None:
    graph = network(1)
    names = [f"node_3.part{index}" for index in range(2)]
    recipe = replace(PLAIN, precision={names[0]: "float"})
    result = quantize(graph, recipe, CONTRACT, PHOTOS)
    assert set(names) <= {node.name for node in result.graph}
    with pytest.raises(RecipeError):
        quantize(graph, replace(PLAIN, precision={"node_3.part2": "float"}), CONTRACT, PHOTOS)


def test_concatenations_of_shapes_are_left_alone() -> None:
    body = (
        "a = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(image) s = Shape(image) "
        "h = Slice(s, two, four) n = Concat<axis = 0>(front, h) "
        'b = Resize<mode = "linear">(a, "", "", n) out = Conv(b, w)'
    )
    numbers = {"two": [2], "four": [4], "front": [1, 3]}
    constants = {name: np.array(value, np.int64) for name, value in numbers.items()}
    constants["w"] = weights(np.random.default_rng(3), 3, 3, 1, 1)
    graph = parsed(body, constants, "height,width", 3)
    assert "Concat" in kinds(quantize(graph, PLAIN, CONTRACT, PHOTOS))
