"""Values that are no picture: counted over all images, and told from a picture's overshoot."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from edge_imgq.skipped import Skipped
from edge_imgq.verify.budget import clipped, no_picture
from edge_imgq.verify.compare import compare
from edge_imgq.verify.drift import IDENTICAL
from edge_imgq.verify.output_range import OutputValues, outside
from edge_imgq.verify.summary import summarise

RAMP = np.linspace(0, 255, 3000).reshape(10, 100, 3)


def test_shares_and_loss_are_over_all_images() -> None:
    values = OutputValues()
    values.add(RAMP)
    values.add(np.full((10, 100, 3), -20.0))
    found = values.range()
    assert (found.below, found.above) == (0.5, 0.0)
    both = np.concatenate([RAMP.reshape(-1), np.full(3000, -20.0)])
    assert found.lost == pytest.approx(400 * 3000 / (both.var() * both.size))


@pytest.mark.parametrize(
    ("levels", "is_picture"),
    [
        (RAMP, True),
        (RAMP + 0.4, True),
        (np.where(RAMP > 128, 256.5, 0.0), True),  # white paper with a little overshoot
        (np.random.default_rng(1).normal(0, 1, (10, 100, 3)), False),  # noise, however faint
        (2 * RAMP - 255, False),  # -1 … 1
        (np.full((4, 4, 3), -1.0), False),
        (np.zeros((4, 4, 3)), True),
    ],
)
def test_what_is_a_picture(levels: np.ndarray, is_picture: bool) -> None:
    found = outside(levels)
    assert found.is_picture is is_picture
    assert bool(no_picture(found)) is not is_picture


def photograph() -> np.ndarray:
    """A photograph as levels."""
    return data.astronaut().astype(np.float64)


def blurred(levels: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(levels, (sigma, sigma, 0))


PICTURES = {
    "twice the contrast": lambda levels: 2 * (levels - 128) + 128,
    "sharpened much": lambda levels: levels + 3 * (levels - blurred(levels, 2)),
    "vivid": lambda levels: 2.5 * levels - 1.5 * levels.mean(2, keepdims=True),
    "a night": lambda levels: 0.2 * levels - 5,
}
RESIDUALS = {
    "noise": lambda levels: np.random.default_rng(1).normal(0, 25, levels.shape),
    "what blur took": lambda levels: levels - blurred(levels, 2),
    "from -1 to 1": lambda levels: 2 * levels - 255,
    "around 0": lambda levels: levels - 128,
}


@pytest.mark.parametrize("name", [*PICTURES, *RESIDUALS])
def test_what_networks_return_of_a_photograph(name: str) -> None:
    levels = {**PICTURES, **RESIDUALS}[name](photograph())
    assert outside(levels).is_picture is (name in PICTURES)


def test_a_picture_that_loses_a_quarter_to_clipping_is_one_and_is_told_so() -> None:
    found = outside(2.3 * (RAMP - 128) + 128)
    assert 0.05 < found.lost < 1 / 3
    assert found.is_picture
    assert no_picture(found) == ()
    (sentence,) = clipped(found)
    assert f"clips {found.below + found.above:.1%} of the network's values" in sentence


@pytest.mark.parametrize("levels", [RAMP, np.random.default_rng(1).normal(0, 9, (10, 100, 3))])
def test_a_picture_within_its_range_is_not_said_to_be_clipped_nor_is_what_is_none(levels) -> None:
    assert clipped(outside(levels)) == ()


def test_nothing_is_said_where_nothing_ran() -> None:
    assert no_picture(Skipped("no file ran")) == clipped(Skipped("no file ran")) == ()


def test_a_black_picture_of_noise_is_not_the_same() -> None:
    noise = np.random.default_rng(1).normal(0, 8, (10, 100, 3))
    black = np.clip(np.rint(noise), 0, 255).astype(np.uint8)
    row = compare(
        "a", file=black, reference=black, quantized=black, source=black, truth=None, shave=0,
        levels=noise,
    )  # fmt: skip
    pixels, values = summarise([row]), summarise([row], is_picture=False)
    assert pixels.vs_reference.mean == IDENTICAL
    expected = 10 * np.log10(255**2 / np.mean((noise - black) ** 2))
    assert values.vs_reference.mean == pytest.approx(expected)
    assert values.quantization.mean == pytest.approx(expected)
    assert values.conversion.equal == 1
