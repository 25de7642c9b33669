"""Crops that stand for a photograph."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.images.crops import evenly_spaced_crops, evenly_spaced_pixels


def places(height: int, width: int) -> list[tuple[int, int]]:
    """Return where crops of an image lie, whose pixels tell their place."""
    rows, columns = np.mgrid[:height, :width] // 8
    pixels = np.stack([rows, columns, 0 * rows], axis=-1).astype(np.uint8)
    crops = evenly_spaced_crops(pixels, 96, 8, 8)
    assert crops.shape[1:] == (96, 96, 3)
    # A crop that began beside the grid would hold part of a step at its corner.
    assert (crops[:, 7, 7] == crops[:, 0, 0]).all()
    return [(int(top) * 8, int(left) * 8) for top, left, _ in crops[:, 0, 0]]


def test_a_photograph_of_three_by_two_crops_is_covered() -> None:
    found = places(192, 288)
    assert found == [(0, 0), (0, 96), (0, 192), (96, 0), (96, 96), (96, 192)]


def test_a_large_photograph_gives_sixty_four_from_corner_to_corner() -> None:
    found = places(1500, 2000)
    assert len(found) == 64
    assert found[0] == (0, 0)
    assert found[-1][0] + 96 > 1500 - 8
    assert found[-1][1] + 96 > 2000 - 8


@pytest.mark.parametrize("size", [(96, 96), (97, 103)])
def test_one_of_its_own_size_gives_one(size: tuple[int, int]) -> None:
    assert places(*size) == [(0, 0)]


def test_a_smaller_one_is_continued_by_its_mirror_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 40, 1), np.uint8)
    (crop,) = evenly_spaced_crops(pixels, 96, 8, 8)
    np.testing.assert_array_equal(crop[:20, :40], pixels)
    np.testing.assert_array_equal(crop[20:40, 40:80], pixels[::-1, ::-1])


def test_evenly_spaced_pixels_lie_at_the_centres_of_a_grid() -> None:
    rows, columns = np.mgrid[:200, :300]
    pixels = evenly_spaced_pixels(np.stack([rows, columns], axis=-1).astype(np.uint16), 4)
    np.testing.assert_array_equal(pixels[:, 0, 0], [25, 75, 125, 175])
    np.testing.assert_array_equal(pixels[0, :, 1], [37, 112, 187, 262])
    assert evenly_spaced_pixels(np.arange(3, dtype=np.uint8).reshape(1, 3, 1), 6)[
        2, :, 0
    ].tolist() == [*(0, 0, 1, 1, 2, 2)]
