"""Pictures of drift, looked at pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.report.drift_picture import (
    AMPLIFIED,
    GRADES,
    amplified,
    coloured,
    drift_picture,
    error_map,
)


def images(shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return an image, and the same with one square 20 levels brighter."""
    one = np.random.default_rng(1).integers(40, 200, shape, np.uint8)
    other = one.copy()
    other[10:30, 20:50, -1:] += 20
    return one, other


@pytest.mark.parametrize("channels", [1, 3])
def test_the_map_shows_the_largest_error_of_the_channels(channels: int) -> None:
    one, other = images((60, 80, channels))
    levels = error_map(one, other)
    assert (levels[10:30, 20:50] == 20).all()
    assert levels.sum() == 20 * 20 * 30


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4, 5, 16, 17, 255])
def test_every_level_has_the_colour_of_its_grade(level: int) -> None:
    wanted = GRADES[max(start for start in GRADES if start <= level)]
    assert tuple(coloured(np.full((1, 1), level, np.uint8))[0, 0]) == wanted


def test_a_difference_stands_around_gray() -> None:
    one, other = (np.full((1, 1, 3), level, np.uint8) for level in (10, 12))
    assert amplified(one, other)[0, 0, 0] == 128 - 2 * AMPLIFIED


@pytest.mark.parametrize("shape", [(60, 80, 1), (60, 80, 3), (900, 1300, 3), (40, 2000, 1)])
def test_a_picture_holds_the_map_and_the_place_of_the_largest_error(
    shape: tuple[int, int, int],
) -> None:
    one, other = images(shape)
    picture = drift_picture("title", one, other)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    red = (picture == np.array(GRADES[17], np.uint8)).all(axis=2)
    assert red.sum() >= 20 * 30 // 16
    # The crop of the difference: brighter than gray by more than 8 bits show.
    assert (picture == 255).all(axis=2).any()
    assert (picture == 128).all(axis=2).sum() > 500


@pytest.mark.parametrize("shape", [(60, 79, 3), (60, 80, 1), (1, 1, 3)])
def test_images_of_two_shapes_are_refused(shape: tuple[int, int, int]) -> None:
    one, _ = images((60, 80, 3))
    with pytest.raises(ValueError, match="not comparable"):
        drift_picture("none", one, np.zeros(shape, np.uint8))
