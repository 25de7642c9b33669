"""Signed mean errors, on images whose tint is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.metrics.psnr import psnr
from edge_imgq.skipped import Skipped
from edge_imgq.verify.mean_error import error_sums, mean_error


def photo() -> np.ndarray:
    """Return RGB whose left fifth is flat and dark, whose next is bright; the rest is noise."""
    image = np.random.default_rng(2).integers(0, 256, (80, 160, 3), np.uint8)
    image[:, :32] = (20, 24, 30)
    image[:, 32:64] = (220, 224, 230)
    return image


def test_two_levels_in_the_dark_hide_in_the_psnr_and_show_in_flat_dark_areas() -> None:
    reference = photo()
    tinted = reference.copy()
    tinted[:, :32, 0] += 2
    assert psnr(reference, tinted) > 49.5
    found = mean_error([error_sums(reference, tinted)])
    assert found.dark == pytest.approx((2, 0, 0))
    assert found.bright == pytest.approx((0, 0, 0))
    assert found.overall == pytest.approx((0.4, 0, 0))


def test_errors_of_both_signs_cancel_and_images_weigh_by_their_pixels() -> None:
    reference = photo()
    lighter, darker = reference.copy(), reference.copy()
    lighter[:, 32:64] += 3
    darker[:, 32:64] -= 3
    sums = error_sums(reference, lighter), error_sums(reference, darker)
    assert mean_error(sums).bright == pytest.approx((0, 0, 0))
    half = error_sums(reference[:40], lighter[:40])
    assert mean_error([half, sums[1]]).bright == pytest.approx((-1, -1, -1))


def test_a_dark_area_with_texture_is_not_flat() -> None:
    reference = photo()
    reference[:, :32][::2] += 20
    tinted = reference.copy()
    tinted[:, :32] += 2
    found = mean_error([error_sums(reference, tinted)])
    assert found.dark == Skipped("the images have no flat dark area")
    assert found.bright == pytest.approx((0, 0, 0))


@pytest.mark.parametrize("shape", [(80, 160, 1), (7, 5, 3), (20, 9, 3)])
def test_images_without_flat_areas_say_so(shape: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(3).integers(0, 255, shape, np.uint8)
    found = mean_error([error_sums(noise, noise + np.uint8(1))])
    assert found.overall == pytest.approx((1,) * shape[2])
    assert found.dark == Skipped("the images have no flat dark area")
    assert isinstance(found.bright, Skipped)
