"""PSNR against hand-made values and scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge_imgq.metrics.psnr import psnr


def test_one_level_everywhere_is_48_13_decibels() -> None:
    dark, light = np.full((4, 5, 3), 100, np.uint8), np.full((4, 5, 3), 101, np.uint8)
    assert psnr(dark, light) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(light, dark) == psnr(dark, light)


def test_identical_images_are_infinitely_close() -> None:
    image = np.random.default_rng(0).integers(0, 256, (6, 6, 1), dtype=np.uint8)
    assert psnr(image, image.copy()) == math.inf


def test_black_against_white_is_zero_decibels() -> None:
    assert psnr(np.zeros((3, 3, 1), np.uint8), np.full((3, 3, 1), 255, np.uint8)) == 0.0


def test_the_shaved_border_does_not_count_on_any_side() -> None:
    truth = np.full((9, 11, 1), 50, np.uint8)
    spoiled = truth.copy()
    spoiled[:2], spoiled[-2:], spoiled[:, :2], spoiled[:, -2:] = 0, 0, 0, 0
    assert psnr(truth, spoiled, shave=2) == math.inf
    assert psnr(truth, spoiled, shave=1) < 20


def test_scikit_image_agrees() -> None:
    from skimage.metrics import peak_signal_noise_ratio

    rng = np.random.default_rng(8)
    one, two = rng.integers(0, 256, (2, 13, 9, 3), dtype=np.uint8)
    assert psnr(one, two) == pytest.approx(peak_signal_noise_ratio(one, two), abs=1e-9)


def test_shapes_are_compared_before_values() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        psnr(np.zeros((4, 6, 1), np.uint8), np.zeros((6, 4, 1), np.uint8))


def test_floats_and_overlarge_borders_are_refused() -> None:
    image = np.zeros((4, 6, 1), np.uint8)
    with pytest.raises(ValueError, match="8-bit"):
        psnr(image, image.astype(np.float32))
    with pytest.raises(ValueError, match="shave"):
        psnr(image, image, shave=2)
