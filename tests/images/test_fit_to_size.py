"""Photographs cut and extended to the sizes that networks take."""

from __future__ import annotations

import numpy as np

from edge_imgq.contract import ImageContract
from edge_imgq.images.fit_to_size import MAX_SIDE, fit

UNKNOWN = ImageContract("image-to-image", 1, "rgb")
SR = ImageContract("super-resolution", 3, "y")


def test_large_photographs_are_cropped_around_their_centre() -> None:
    wide = np.zeros((20, MAX_SIDE + 100, 3), np.uint8)
    wide[:, 50:-50] = 200
    found = fit(wide, None, UNKNOWN, unit=1)
    assert found.shape == (20, MAX_SIDE, 3)
    assert (found == 200).all()


def test_a_fixed_size_crops_large_images_and_mirrors_small_ones() -> None:
    generator = np.random.default_rng(1)
    large = generator.integers(0, 256, (200, 200, 1), np.uint8)
    small = generator.integers(0, 256, (30, 90, 1), np.uint8)
    np.testing.assert_array_equal(fit(large, (24, 30), SR, unit=1), large[88:112, 85:115])
    found = fit(small, (24, 30), SR, unit=3)
    assert found.shape == (72, 90, 1)
    np.testing.assert_array_equal(found[:30], small)
    np.testing.assert_array_equal(found[30:60], small[::-1])


def test_sides_are_cut_to_the_multiple_at_the_bottom_and_right() -> None:
    image = np.random.default_rng(1).integers(0, 256, (43, 50, 3), np.uint8)
    contract = ImageContract("deblur", 1, "rgb", multiple=4)
    np.testing.assert_array_equal(fit(image, None, contract, unit=1), image[:40, :48])
