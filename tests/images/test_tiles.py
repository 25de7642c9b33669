"""Tiles against the whole image, with a window whose reach is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_imgq.images.tiles import Tiling, balanced, pad_to, run_tiled, starts, tile_count

Pixels = NDArray[np.uint8]


def window_sum(pixels: Pixels, reach: int, scale: int) -> Pixels:
    """Sum, modulo 256, of all pixels within `reach`, zeros outside, each repeated `scale` times.

    Modulo 256 every single pixel counts, so a tile that lacks one cannot hide it by rounding.
    """
    padded = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)))
    height, width = pixels.shape[:2]
    total = np.zeros_like(pixels)
    for down, right in itertools.product(range(2 * reach + 1), repeat=2):
        total += padded[down : down + height, right : right + width]
    return total.repeat(scale, axis=0).repeat(scale, axis=1)


def noise(height: int, width: int) -> Pixels:
    rng = np.random.default_rng(height * 1000 + width)
    return rng.integers(0, 256, (height, width, 2), dtype=np.uint8)


def ignore(_done: int) -> None:
    pass


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("tile", [(16, 16), (12, 20), (37, 24), (37, 53)])
def test_tiles_equal_the_whole_when_the_halo_is_the_reach(
    tile: tuple[int, int], scale: int
) -> None:
    pixels = noise(37, 53)
    whole = window_sum(pixels, 3, scale)
    tiled = run_tiled(
        pixels, lambda part: window_sum(part, 3, scale), scale, Tiling(tile, halo=3), ignore
    )
    np.testing.assert_array_equal(tiled, whole)


def test_tiles_differ_from_the_whole_when_the_halo_is_one_too_small() -> None:
    pixels = noise(37, 53)
    tiled = run_tiled(
        pixels, lambda part: window_sum(part, 3, 1), 1, Tiling((16, 16), halo=2), ignore
    )
    assert (tiled != window_sum(pixels, 3, 1)).any()


def test_all_tiles_have_one_size() -> None:
    seen = set()

    def run(part: Pixels) -> Pixels:
        seen.add(part.shape)
        return part

    run_tiled(noise(37, 53), run, 1, Tiling((16, 20), halo=2), ignore)
    assert seen == {(16, 20, 2)}


@given(
    steps=st.integers(1, 60),
    largest=st.integers(4, 40),
    halo=st.integers(0, 30),
    multiple=st.sampled_from([1, 2, 4, 8]),
)
def test_every_place_lies_in_a_tile_with_its_halo(
    steps: int, largest: int, halo: int, multiple: int
) -> None:
    length = steps * multiple
    tile = balanced(length, 2 * halo + largest * multiple, halo, multiple)
    cut = starts(length, tile, halo, multiple)
    assert all(start % multiple == 0 for start in (*cut, tile))
    assert cut[0] == 0
    assert cut[-1] + tile == length
    for before, after in itertools.pairwise(cut):
        assert before < after
        assert before + tile - after >= 2 * halo


def test_a_balanced_tile_is_no_longer_than_asked_for_and_splits_evenly() -> None:
    assert balanced(300, 512, 10, 1) == 300
    assert balanced(520, 512, 10, 1) == 270
    assert balanced(4000, 512, 10, 4) <= 512


def test_strides_keep_their_phase_in_every_tile() -> None:
    def checkerboard(part: Pixels) -> Pixels:
        rows, columns = np.indices(part.shape[:2])
        return (part + ((rows % 4 == 0) & (columns % 4 == 0))[..., None]).astype(np.uint8)

    pixels = noise(40, 64)
    tiled = run_tiled(pixels, checkerboard, 1, Tiling((16, 20), 1, multiple=4), ignore)
    np.testing.assert_array_equal(tiled, checkerboard(pixels))


def test_blending_turns_a_step_between_tiles_into_a_ramp() -> None:
    level = iter((0, 200))
    pixels = np.zeros((8, 30, 1), np.uint8)
    tiled = run_tiled(
        pixels,
        lambda part: np.full_like(part, next(level)),
        1,
        Tiling((8, 20), halo=5, blend=True),
        ignore,
    )
    row = tiled[0, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 200
    assert np.diff(row).max() <= 25
    assert np.diff(row).min() >= 0


def test_progress_counts_every_tile() -> None:
    tiling, done = Tiling((16, 20), halo=2), []
    run_tiled(noise(37, 53), lambda part: part, 1, tiling, done.append)
    assert done == list(range(tile_count((37, 53), tiling)))


def test_a_tile_that_is_all_halo_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves nothing"):
        starts(100, 20, 10, 1)
    with pytest.raises(ValueError, match="do not fit"):
        starts(100, 128, 10, 1)


def test_padding_mirrors_at_the_bottom_and_on_the_right() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    padded = pad_to(pixels, (3, 5))[..., 0]
    np.testing.assert_array_equal(padded, [[0, 1, 2, 1, 0], [3, 4, 5, 4, 3], [0, 1, 2, 1, 0]])
