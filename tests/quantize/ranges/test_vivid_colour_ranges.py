"""Colours more vivid than the calibration images' are not clipped."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.ranges.guard_set import GuardSet
from edge_imgq.quantize.ranges.guarded_clipping import narrow_again
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.ranges.vivid_colour_ranges import (
    include_every_colour,
    include_vivid_colours,
    of_single_pixels,
)
from edge_imgq.quantize.scales.scale_constraints import image_quantization
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import parsed, run
from tests.quantize.smooth_photo import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")
RECIPE = QuantizeRecipe("plain", "", "min-max", ())


def opponent_network() -> ir.Model:
    """Brightness and both signs of two differences of colours, and the image from them."""
    differences = np.float32([[1, -1, 0], [-1, 1, 0], [1, 0, -1], [-1, 0, 1]])
    first = np.concatenate([np.full((1, 3), 1 / 3, np.float32), 4 * differences])
    back = np.linalg.inv(first[[0, 1, 3]])
    second = np.stack([back[:, 0], back[:, 1], -back[:, 1], back[:, 2], -back[:, 2]], axis=1)
    constants = {"first": first[..., None, None], "second": second[..., None, None]}
    body = "a = Conv(image, first) b = Relu(a) out = Conv(b, second)"
    return parsed(body, constants, size="96,96", channels=3)


def pale(seed: int, share: float = 0.4) -> np.ndarray:
    """A photograph whose colours are a share as far from gray as they could be."""
    pixels = photo(seed)
    gray = pixels.mean(axis=2, keepdims=True)
    return (gray + share * (pixels - gray)).astype(np.uint8)


def test_a_vivid_image_is_as_near_as_a_pale_one() -> None:
    network = opponent_network()
    quantized = quantize(network, RECIPE, CONTRACT, [pale(seed) for seed in range(4)])

    def fidelity(pixels: np.ndarray) -> float:
        image = to_nchw(pixels, 1.0)
        error = run(quantized, image, exact=True) - run(network, image).clip(0, 1)
        return float(-10 * np.log10(np.mean(error**2)))

    assert fidelity(pale(50)) > 43
    assert fidelity(pale(50, 0.6)) > 43


@pytest.mark.parametrize(("task", "colour"), [("deblur", "y"), ("photo-enhancement", "rgb")])
def test_networks_of_one_channel_and_enhancers_keep_their_ranges(task: str, colour: str) -> None:
    contract = ImageContract(task, 1, colour)
    network = parsed("out = Relu(image)", {}, size="96,96", channels=contract.channels)
    image = photo(1)[..., : contract.channels]
    seen = observe_channels(network, [image], 1.0)
    assert include_vivid_colours(network, seen, contract, [image]) == seen


def test_ranges_only_widen_and_keep_their_details() -> None:
    network = opponent_network()
    seen = observe_channels(network, [photo(1)], 1.0, closely=True)
    reached = include_vivid_colours(network, seen, CONTRACT, [pale(2)])
    for name, found in seen.items():
        assert (reached[name].low <= found.low).all()
        assert (reached[name].high >= found.high).all()
        assert reached[name].detail is found.detail


def colour_transform_network() -> ir.Model:
    """Brightness and two differences of colours; brightness is sharpened, and the image made."""
    there = np.float32([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
    sharpen = np.float32([[0, -0.1, 0], [-0.1, 1.4, -0.1], [0, -0.1, 0]])
    constants = {
        "there": there[..., None, None],
        "back": np.linalg.inv(there).astype(np.float32)[..., None, None],
        "sharpen": sharpen[None, None],
        "parts": np.array([1, 2]),
    }
    body = (
        "all = Conv(image, there) y, c = Split<axis=1>(all, parts) "
        "z = Conv<pads=[1,1,1,1]>(y, sharpen) both = Concat<axis=1>(z, c) out = Conv(both, back)"
    )
    return parsed(body, constants, size="96,96", channels=3)


def test_colours_that_no_calibration_image_shows_pass_a_colour_transform() -> None:
    network = colour_transform_network()
    assert [v.name for v in of_single_pixels(network.graph)] == ["all", "y", "c"]
    quantized = quantize(network, RECIPE, CONTRACT, [pale(seed, 0.2) for seed in range(4)])
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255)):
        image = to_nchw(np.full((96, 96, 3), colour, np.uint8), 1.0)
        error = run(quantized, image, exact=True) - run(network, image).clip(0, 1)
        assert np.abs(error[:, :, 8:-8, 8:-8]).max() < 5 / 255


def test_what_looks_at_neighbours_keeps_its_range() -> None:
    network = opponent_network()
    seen = observe_channels(network, [pale(1, 0.2)], 1.0)
    reached = include_every_colour(network, seen, CONTRACT, (96, 96))
    assert (reached["b"].high > 2 * seen["b"].high).any()
    wide = parsed(
        "out = Conv<pads=[1,1,1,1]>(image, w)",
        {"w": np.ones((3, 3, 3, 3), np.float32)}, size="96,96", channels=3,
    )  # fmt: skip
    seen = observe_channels(wide, [pale(1)], 1.0)
    assert include_every_colour(wide, seen, CONTRACT, (96, 96)) == seen


def test_ranges_are_narrow_again_where_pictures_in_vivid_colours_gain_by_it() -> None:
    network = opponent_network()
    colourful, gray = photo(1), pale(1, 0)
    photos = to_nchw(colourful, 1.0)
    guard = GuardSet(photos, photos, None, 1.0)
    image = image_quantization(1 / 255)
    reached = observe_channels(network, [colourful], 1.0)
    farther = {n: r.widened(ChannelRange(4 * r.low, 4 * r.high)) for n, r in reached.items()}
    assert narrow_again(network, farther, reached, image, guard) == reached
    clipped = observe_channels(network, [gray], 1.0)
    assert (reached["b"].high > 2 * clipped["b"].high).any()
    kept = narrow_again(network, reached, clipped, image, guard)
    assert kept["b"] is reached["b"]
