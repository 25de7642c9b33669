"""BT.601 conversion against published values and MATLAB's formula."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.images.colour import rgb_to_y

# Luma of the corners of the RGB cube in BT.601 limited range, as video standards and MATLAB do.
CORNERS = {
    (0, 0, 0): 16,
    (255, 255, 255): 235,
    (255, 0, 0): 81,
    (0, 255, 0): 145,
    (0, 0, 255): 41,
}


@pytest.mark.parametrize(("rgb", "luma"), CORNERS.items())
def test_the_corners_of_the_colour_cube_have_their_published_luma(
    rgb: tuple[int, int, int], luma: int
) -> None:
    assert np.rint(rgb_to_y(np.array([[rgb]], np.uint8))).item() == luma


def test_scikit_image_agrees_on_random_colours() -> None:
    from skimage.color import rgb2ycbcr

    pixels = np.random.default_rng(4).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    np.testing.assert_allclose(rgb_to_y(pixels), rgb2ycbcr(pixels)[..., :1], atol=1e-3)
