"""Colour beside luma, against Pillow's own conversions on the whole image."""

from __future__ import annotations

import numpy as np
from PIL import Image

from edge_imgq.images import chroma
from edge_imgq.images.chroma import luma_of, recoloured
from edge_imgq.images.colour import rgb_to_ycbcr, to_pixels, ycbcr_to_rgb


def photo(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    small = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def test_luma_is_that_of_the_whole_image_although_it_is_computed_in_bands() -> None:
    pixels = photo(2 * chroma.BAND + 40, 64)
    expected = to_pixels(rgb_to_ycbcr(pixels)[..., :1])
    np.testing.assert_array_equal(luma_of(pixels), expected)


def test_enlarged_colour_has_no_seam_between_bands() -> None:
    pixels = photo(chroma.BAND + 24, 64)
    height, width = pixels.shape[0] * 2, pixels.shape[1] * 2
    luma = np.full((height, width, 1), 120, np.uint8)
    planes = [
        Image.fromarray(plane.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        for plane in np.moveaxis(rgb_to_ycbcr(pixels)[..., 1:], -1, 0)
    ]
    whole = np.stack([luma[..., 0], *(np.asarray(plane) for plane in planes)], axis=-1)
    np.testing.assert_array_equal(recoloured(pixels, luma), ycbcr_to_rgb(whole.astype(np.float64)))


def test_a_photograph_with_its_own_luma_is_itself() -> None:
    pixels = photo(64, 80)
    same = recoloured(pixels, luma_of(pixels))
    assert np.abs(same.astype(int) - pixels).max() <= 1
