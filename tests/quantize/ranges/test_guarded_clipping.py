"""What is rare is clipped where that helps photographs, and not where other images need it.

ONNX Runtime computes what the quantized graphs make of images; the images are none of those that
the quantizer draws for itself.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.calibration.patch_sampler import HELD_OUT_EVERY
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")
GAIN = 40.0


def recipe(observer: str) -> QuantizeRecipe:
    return QuantizeRecipe("plain", "", observer, ())


def two_layers(
    first: np.ndarray, second: np.ndarray, size: tuple[int, int] | None = None
) -> ir.Model:
    """Two convolutions with a ReLU between them, for images of a size or of any."""
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["out"], name="second", pads=[1] * 4),
    ]
    constants = {"w0": first, "w1": second}
    return model(nodes, constants, size=size) if size else model(nodes, constants)


def plain_network(size: tuple[int, int] | None = None) -> ir.Model:
    """Keeps the mean of the image; its second layer has great gains of both signs."""
    generator = np.random.default_rng(5)
    first, plus, minus = (
        np.abs(weights(generator, *shape)) for shape in ((8, 3, 3, 3), (3, 8, 3, 3), (3, 8, 3, 3))
    )
    for kernels in (first, plus, minus):
        kernels /= kernels.sum((1, 2, 3), keepdims=True)
    return two_layers(first, 13 * plus - 12 * minus, size)


def of_one_image(network: ir.Model) -> ir.Model:
    """Return the network with a reshape to a batch of one before its last layer."""
    width = network.graph.initializers["w1"].const_value.numpy().shape[1]
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Reshape", ["b", "shape"], ["c"]),
        helper.make_node("Conv", ["c", "w1"], ["out"], name="second", pads=[1] * 4),
    ]
    size = photo(0).shape[:2]
    constants = {name: v.const_value.numpy() for name, v in network.graph.initializers.items()}
    return model(nodes, constants | {"shape": np.array([1, width, *size])}, size=size)


def alarmed_network() -> ir.Model:
    """As the plain one, with a channel that edges drive far and hardly anything reads."""
    network = plain_network()
    alarm = np.zeros((1, 3, 3, 3), np.float32)
    alarm[0, :, 1, 1], alarm[0, :, 1, 2] = GAIN, -GAIN
    w0 = network.graph.initializers["w0"].const_value.numpy()
    w1 = network.graph.initializers["w1"].const_value.numpy()
    read = np.zeros((3, 1, 3, 3), np.float32)
    read[:, 0, 1, 1] = 1e-4 / GAIN
    return two_layers(np.concatenate([w0, alarm]), np.concatenate([w1, read], 1))


def soft(seed: int) -> np.ndarray:
    """A smooth photograph between the levels 80 and 120; the held-out one has a spark of white."""
    pixels = (80 + photo(seed) / 255 * 40).round().astype(np.uint8)
    if seed == HELD_OUT_EVERY - 1:
        pixels[40:43, 50:53] = 255
    return pixels


def as_input(pixels: np.ndarray) -> np.ndarray:
    return (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)


def fidelity(
    network: ir.Model, observer: str, photos: list[np.ndarray], image: np.ndarray
) -> float:
    """Return the dB between an image by the network and by its quantized form."""
    quantized = quantize(network, recipe(observer), CONTRACT, photos)
    wanted = run(network, as_input(image)).clip(0, 1)
    error = run(quantized, as_input(image), exact=True) - wanted
    return float(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))


def sign() -> np.ndarray:
    """A white cross on a dark wall, as on a door of a pharmacy."""
    pixels = np.full((64, 64, 3), 40, np.uint8)
    pixels[24:40, 8:56] = pixels[8:56, 24:40] = 250
    return pixels


def test_a_white_sign_after_soft_photographs_is_clipped_by_the_image_observer_alone() -> None:
    network, photos = plain_network(), [soft(seed) for seed in range(6)]
    whole = fidelity(network, "min-max", photos, sign())
    assert fidelity(network, "image", photos, sign()) < whole - 10
    assert fidelity(network, "guarded", photos, sign()) > whole - 2.5


def test_a_channel_that_hardly_counts_does_not_make_the_steps_of_all_others_coarse() -> None:
    network, photos = alarmed_network(), [soft(seed) for seed in range(6)]
    for image in (soft(9), sign()):
        whole = fidelity(network, "min-max", photos, image)
        assert fidelity(network, "guarded", photos, image) > whole + 6


@pytest.mark.parametrize("size", [(40, 56), (120, 200)])
def test_a_network_of_one_size_is_guarded_too(size: tuple[int, int]) -> None:
    network = plain_network(size)
    photos = [np.resize(soft(seed), (*size, 3)).astype(np.uint8) for seed in range(2)]
    image = np.resize(sign(), (*size, 3)).astype(np.uint8)
    whole = fidelity(network, "min-max", photos, image)
    assert fidelity(network, "guarded", photos, image) > whole - 2.5


def test_black_photographs_alone_leave_ranges_as_they_are() -> None:
    network, black = plain_network(), [np.zeros((64, 64, 3), np.uint8)]
    assert fidelity(network, "guarded", black, sign()) == pytest.approx(
        fidelity(network, "min-max", black, sign())
    )


def test_a_network_of_one_image_at_a_time_is_judged_on_all_photographs() -> None:
    """The first is black and says nothing of any channel."""
    network = of_one_image(alarmed_network())
    photos = [np.zeros_like(soft(0)), *map(soft, range(5))]
    whole = fidelity(network, "min-max", photos, soft(9))
    assert fidelity(network, "guarded", photos, soft(9)) > whole + 6
