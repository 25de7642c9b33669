"""Colours beside lightness: what scikit-image gives of the whole, in little memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from skimage import data
from skimage.color import lab2rgb, rgb2lab

from edge_imgq.images.colour import to_pixels
from edge_imgq.images.lightness import coloured, coloured_bands, lightness_of
from edge_imgq.ports import Port

AB = Port("ab", "plane", 2, (-1.0,), (1.0,))
PHOTO = data.astronaut()[:99, :130]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("channels", [1, 3])
def test_bands_give_what_the_whole_gives(channels: int) -> None:
    photo = PHOTO[..., :channels]
    lab = rgb2lab(np.repeat(photo, 3, axis=2) if channels == 1 else photo)
    lightness = lightness_of(photo)
    assert (lightness != to_pixels(lab[..., :1] * 2.55)).mean() < 1e-3  # ties
    levels = np.random.default_rng(0).integers(0, 256, (*photo.shape[:2], 2), np.uint8)
    colours = (levels / 255.0 * 2.0 - 1.0) * 128.0
    with pytest.warns(UserWarning, match="negative Z values"):
        whole = lab2rgb(np.concatenate([lightness / 2.55, colours], axis=2))
    picture = coloured(lightness, levels, AB)
    assert (picture != to_pixels(whole * 255.0)).mean() < 1e-3
    bands = np.concatenate(list(coloured_bands(lightness, levels, AB)))
    np.testing.assert_array_equal(bands, picture)


def test_a_large_photograph_takes_little_more_than_itself() -> None:
    photo = np.tile(PHOTO, (10, 5, 1))
    levels = np.full((*photo.shape[:2], 2), 140, np.uint8)
    lightness_of(photo[:20])  # imports
    tracemalloc.start()
    picture = coloured(lightness_of(photo), levels, AB)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert picture.shape == photo.shape
    assert peak / levels[..., 0].size < 12
