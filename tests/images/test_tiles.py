"""Tiles against the whole image, with a window whose reach is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_imgq.images.tiles import Tiling, pad_to, run_tiled, tile_count

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


def test_padding_mirrors_at_the_bottom_and_on_the_right() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    padded = pad_to(pixels, (3, 5))[..., 0]
    np.testing.assert_array_equal(padded, [[0, 1, 2, 1, 0], [3, 4, 5, 4, 3], [0, 1, 2, 1, 0]])


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (16, 20), (17, 21), (33, 41), (32, 19)])
@pytest.mark.parametrize("blend", [False, True])
def test_an_image_of_any_size_comes_out_of_tiles_of_one_size(
    size: tuple[int, int], blend: bool
) -> None:
    pixels = noise(*size)
    tiling = Tiling((16, 20), halo=3, multiple=2, blend=blend)
    tiled = run_tiled(pixels, lambda part: part.repeat(2, 0).repeat(2, 1), 2, tiling, ignore)
    np.testing.assert_array_equal(tiled, pixels.repeat(2, 0).repeat(2, 1))
