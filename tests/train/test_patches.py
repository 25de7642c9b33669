"""Patches: aligned, uniform, repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.errors import ImageError
from edge_imgq.train.pairs import Pair
from edge_imgq.train.patches import BatchSampler


def enlarged_pair(height: int, width: int, name: str = "p") -> Pair:
    """Return a pair whose truth repeats every input pixel twice each way."""
    rng = np.random.default_rng(height * width)
    low = rng.integers(0, 256, (height, width, 1), dtype=np.uint8)
    return Pair(name, low, low.repeat(2, axis=0).repeat(2, axis=1))


def test_input_and_truth_show_the_same_place_in_the_same_orientation() -> None:
    sampler = BatchSampler((enlarged_pair(12, 15), enlarged_pair(9, 20)), 64, 6, 2)
    batch = sampler.draw(np.random.default_rng(1))
    assert batch.degraded.shape == (64, 1, 6, 6)
    assert batch.truth.shape == (64, 1, 12, 12)
    np.testing.assert_array_equal(batch.degraded.repeat(2, axis=2).repeat(2, axis=3), batch.truth)


def test_all_eight_orientations_of_the_one_possible_patch_appear() -> None:
    pair = enlarged_pair(6, 6)
    batch = BatchSampler((pair,), 300, 6, 2).draw(np.random.default_rng(2))
    seen = {patch.tobytes() for patch in batch.degraded}
    square = pair.degraded[..., 0]
    turned = [np.rot90(q, k) for q in (square, square.T) for k in range(4)]
    assert seen == {np.ascontiguousarray(image).tobytes() for image in turned}


def test_every_place_is_equally_likely_even_in_images_of_different_size() -> None:
    small, large = np.full((6, 6, 1), 10, np.uint8), np.full((8, 10, 1), 200, np.uint8)
    pairs = tuple(Pair("x", image, image) for image in (small, large))
    batch = BatchSampler(pairs, 4000, 6, 1).draw(np.random.default_rng(3))
    share = float((batch.degraded[:, 0, 0, 0] == 10).mean())
    assert share == pytest.approx(1 / (1 + 3 * 5), abs=0.02)


def test_the_same_generator_state_draws_the_same_batch() -> None:
    sampler = BatchSampler((enlarged_pair(12, 15),), 8, 6, 2)
    first, second = (sampler.draw(np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first.truth, second.truth)


def test_images_smaller_than_a_patch_are_left_out_and_all_too_small_is_an_error() -> None:
    BatchSampler((enlarged_pair(5, 40), enlarged_pair(9, 9)), 4, 8, 2).draw(
        np.random.default_rng(5)
    )
    with pytest.raises(ImageError, match="No training photograph is 32 pixels wide and high"):
        BatchSampler((enlarged_pair(5, 40),), 4, 16, 2)


def test_patches_begin_on_the_grid_and_nowhere_else() -> None:
    pair = enlarged_pair(22, 31)
    batch = BatchSampler((pair,), 300, 6, 2, grid=8).draw(np.random.default_rng(6))
    corners = [(row, column) for row in (0, 8, 16) for column in (0, 8, 16, 24)]
    squares = [pair.degraded[r : r + 6, c : c + 6, 0] for r, c in corners]
    possible = {
        np.ascontiguousarray(np.rot90(turned, quarter)).tobytes()
        for square in squares
        for turned in (square, square.T)
        for quarter in range(4)
    }
    assert {patch.tobytes() for patch in batch.degraded} <= possible
    assert {square.tobytes() for square in squares} <= {p.tobytes() for p in batch.degraded}
