"""Drawn images: what they show, how many there are, what a task makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.images.resize import downscale
from edge_imgq.quantize.ranges.ood_images import CELL, DRAWINGS, stress_images, varied

UNKNOWN = ImageContract("image-to-image", 1, "rgb")


def test_every_kind_is_one_image_of_the_size_of_a_cell() -> None:
    images = stress_images(UNKNOWN, (CELL, CELL))
    assert len(images) == len(DRAWINGS)
    assert {image.pixels.shape for image in images} == {(CELL, CELL, 3)}
    assert all(image.truth is None for image in images)


def test_all_kinds_stand_side_by_side_in_one_large_image() -> None:
    small = stress_images(UNKNOWN, (CELL, CELL))
    (large,) = stress_images(UNKNOWN, (3 * CELL, 4 * CELL))
    cells = large.pixels.reshape(3, CELL, 4, CELL, 3).swapaxes(1, 2).reshape(-1, CELL, CELL, 3)
    for image, cell in zip(small, cells[: len(small)], strict=True):
        assert np.array_equal(image.pixels, cell)


@pytest.mark.parametrize("size", [(8, 12), (40, 500), (97, 96)])
def test_a_network_of_any_size_gets_images_of_it(size: tuple[int, int]) -> None:
    images = stress_images(UNKNOWN, size)
    assert {image.pixels.shape for image in images} == {(*size, 3)}


def test_they_hold_black_white_and_colours_of_full_saturation() -> None:
    pixels = np.concatenate([i.pixels.reshape(-1, 3) for i in stress_images(UNKNOWN, (96, 96))])
    seen = {tuple(colour) for colour in np.unique(pixels, axis=0).tolist()}
    corners = np.stack(np.meshgrid(*[[0, 255]] * 3), -1).reshape(-1, 3).tolist()
    assert {tuple(corner) for corner in corners} <= seen


def test_they_are_degraded_as_the_task_says_and_come_with_their_truth() -> None:
    for image in stress_images(ImageContract("super-resolution", 2, "y"), (48, 48)):
        assert image.truth is not None
        assert image.truth.shape == (96, 96, 1)
        assert np.array_equal(image.pixels, downscale(image.truth, 2))


def test_they_are_the_same_every_time() -> None:
    first, second = (stress_images(ImageContract("denoise", 1, "y"), (96, 96)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.pixels, other.pixels)


def test_pale_photographs_are_stretched_to_black_and_white_and_inverted() -> None:
    generator = np.random.default_rng(2)
    pale = generator.uniform(0.4, 0.6, (2, 3, 16, 16)).astype(np.float32) * 255
    stretched, inverted = varied(pale, 255.0).reshape(2, 2, 3, 16, 16)
    assert stretched.min() == 0
    assert stretched.max() == 255
    assert np.allclose(stretched + inverted, 255, atol=1e-3)
    assert np.corrcoef(pale.reshape(-1), stretched.reshape(-1))[0, 1] > 0.99


def test_a_flat_photograph_is_not_stretched_into_noise() -> None:
    flat = np.full((1, 1, 16, 16), 0.5, np.float32)
    flat[0, 0, ::2] += 1 / 255
    assert np.ptp(varied(flat, 1.0)[0]) < 0.07
