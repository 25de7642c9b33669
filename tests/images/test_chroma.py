"""Colour beside luma, against float64, Pillow's own resize and published values."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from edge_imgq.images.chroma import chroma_of, coloured, luma_of, recoloured, recoloured_bands
from edge_imgq.images.colour import LUMA_OFFSET, RGB_TO_YCBCR, exact_luma, rgb_to_y

SIZES = [(1, 1), (5, 2), (16, 33), (49, 16)]


def noise(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height * 1000 + width)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def in_float64(photo: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """Return RGB before it is rounded, by way of Cb and Cr, whole, enlarged by Pillow."""
    ycbcr = photo @ (RGB_TO_YCBCR.T / 255)
    size = luma.shape[1], luma.shape[0]
    planes = [
        Image.fromarray(plane.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
        for plane in np.moveaxis(ycbcr[..., 1:], -1, 0)
    ]
    parts = [luma[..., 0] - LUMA_OFFSET[0], *(np.asarray(plane, np.float64) for plane in planes)]
    return np.clip(np.stack(parts, -1) @ np.linalg.inv(RGB_TO_YCBCR / 255).T, 0, 255)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_every_value_is_the_exact_one_rounded(size: tuple[int, int], scale: int) -> None:
    photo = noise(*size)
    luma = noise(size[0] * scale, size[1] * scale)[..., :1]
    exact = in_float64(photo, luma)
    found = recoloured(photo, luma)
    assert found.shape == exact.shape
    assert np.abs(found - exact).max() <= 0.5002
    assert (found != np.rint(exact)).mean() < 0.005


@pytest.mark.parametrize("size", SIZES)
def test_bands_are_the_rows_of_the_whole(size: tuple[int, int]) -> None:
    photo, luma = noise(*size), noise(size[0] * 2, size[1] * 2)[..., :1]
    bands = list(recoloured_bands(photo, luma))
    assert len(bands) == -(-size[0] // 8)
    np.testing.assert_array_equal(np.concatenate(bands), recoloured(photo, luma))


def test_a_photograph_with_its_own_luma_is_itself() -> None:
    pixels = noise(64, 80)
    same = recoloured(pixels, luma_of(pixels))
    assert np.abs(same.astype(int) - pixels).max() <= 1


def test_every_gray_and_random_colours_survive_the_way_there_and_back() -> None:
    gray = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    for pixels in (gray, noise(64, 64)):
        found = np.zeros_like(pixels)
        coloured(rgb_to_y(pixels)[..., 0].astype(np.float32), chroma_of(pixels), found)
        np.testing.assert_array_equal(found, pixels)


def test_scikit_image_has_the_same_chroma() -> None:
    from skimage.color import rgb2ycbcr

    pixels = noise(8, 9)
    cb, cr = np.moveaxis(rgb2ycbcr(pixels)[..., 1:] - 128, -1, 0)
    red, blue = chroma_of(pixels)
    # Cb and Cr reach 112 where B - Y and R - Y reach 255 less what blue and red add to Y.
    np.testing.assert_allclose(blue, cb * 255 / 112 * (1 - 24.966 / 219), atol=2e-3)
    np.testing.assert_allclose(red, cr * 255 / 112 * (1 - 65.481 / 219), atol=2e-3)


def test_colours_outside_the_cube_are_clipped() -> None:
    found = np.zeros((1, 2, 3), np.uint8)
    difference = np.asarray([[[200, -250]], [[200, 0]]], np.float32)
    coloured(np.asarray([[235, 16]], np.uint8), difference, found)
    assert found[0, 0, 0] == 255
    assert found[0, 1, 0] == 0


def test_luma_of_every_colour_in_the_middle_between_two_levels_is_even() -> None:
    """Luma in 255000ths is 65481 R + 128553 G + 24966 B: whole numbers, which NumPy divides."""
    levels = np.arange(256, dtype=np.int32)
    blue_green = 128553 * levels[:, None] + 24966 * levels[None] + 16 * 255000
    ties = []
    for red in range(256):
        for green, blue in np.argwhere((blue_green + 65481 * red) % 255000 == 127500):
            ties.append((red, green, blue))
    assert len(ties) == 194
    assert not (exact_luma(np.asarray([ties], np.uint8)) % 2).any()
    colours = noise(512, 512)
    total = colours.astype(np.int64) @ [65481, 128553, 24966] + 16 * 255000
    whole, rest = np.divmod(total, 255000)
    expected = whole + (rest > 127500) + ((rest == 127500) & (whole % 2 == 1))
    np.testing.assert_array_equal(luma_of(colours)[..., 0], expected)
