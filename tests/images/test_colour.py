"""BT.601 conversion against published values and MATLAB's formula."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.images.colour import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb

# Corners of the RGB cube in BT.601 limited range, as video standards and MATLAB list them.
CORNERS = {
    (0, 0, 0): (16, 128, 128),
    (255, 255, 255): (235, 128, 128),
    (255, 0, 0): (81, 90, 240),
    (0, 255, 0): (145, 54, 34),
    (0, 0, 255): (41, 240, 110),
}


@pytest.mark.parametrize(("rgb", "ycbcr"), CORNERS.items())
def test_the_corners_of_the_colour_cube_have_their_published_values(
    rgb: tuple[int, int, int], ycbcr: tuple[int, int, int]
) -> None:
    pixels = np.array([[rgb]], np.uint8)
    assert tuple(np.rint(rgb_to_ycbcr(pixels))[0, 0]) == ycbcr


def test_luma_is_the_first_channel_of_ycbcr() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    luma = rgb_to_y(pixels)
    assert luma.shape == (5, 7, 1)
    np.testing.assert_allclose(luma[..., 0], rgb_to_ycbcr(pixels)[..., 0], atol=1e-12)


def test_scikit_image_agrees_on_random_colours() -> None:
    from skimage.color import rgb2ycbcr

    pixels = np.random.default_rng(4).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    np.testing.assert_allclose(rgb_to_ycbcr(pixels), rgb2ycbcr(pixels), atol=1e-3)


def test_every_gray_and_random_colours_survive_the_way_there_and_back() -> None:
    rng = np.random.default_rng(5)
    gray = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    colours = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for pixels in (gray, colours):
        np.testing.assert_array_equal(ycbcr_to_rgb(rgb_to_ycbcr(pixels)), pixels)


def test_colours_outside_the_cube_are_clipped() -> None:
    pixels = ycbcr_to_rgb(np.array([[[235.0, 240.0, 240.0], [16.0, 16.0, 16.0]]]))
    assert pixels.dtype == np.uint8
    assert pixels[0, 0, 0] == 255
    assert pixels[0, 1, 0] == 0
