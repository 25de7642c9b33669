"""Classical measures without a reference, on images of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from edge_imgq.images.blur import convolve, gaussian_kernel
from edge_imgq.images.colour import rgb_to_y
from edge_imgq.images.jpeg import compress_jpeg
from edge_imgq.metrics.no_reference import MIN_SIDE, blockiness, laplacian_variance, wavelet_noise

PHOTO = data.astronaut()[:256, :256]
LUMA = rgb_to_y(PHOTO)[..., 0]


@pytest.mark.parametrize("sigma", [2.0, 10.0, 40.0])
def test_noise_on_a_flat_image_is_found(sigma: float) -> None:
    noisy = 128.0 + np.random.default_rng(0).normal(0.0, sigma, (256, 256))
    assert wavelet_noise(noisy) == pytest.approx(sigma, rel=0.03)


def test_noise_on_a_photograph_is_found_nearly() -> None:
    noisy = LUMA + np.random.default_rng(0).normal(0.0, 20.0, LUMA.shape)
    assert wavelet_noise(noisy) == pytest.approx(20.0, abs=2.0)


def test_a_straight_slope_has_no_noise() -> None:
    slope = np.add.outer(np.arange(64.0), 3.0 * np.arange(64.0))
    assert wavelet_noise(slope) == pytest.approx(0.0, abs=1e-9)


def test_blur_lowers_the_variance_of_the_laplacian() -> None:
    values = [laplacian_variance(LUMA)]
    for sigma in (1.0, 2.0, 4.0):
        blurred = convolve(LUMA[..., None].astype(np.float32), gaussian_kernel(sigma))[..., 0]
        values.append(laplacian_variance(blurred))
    assert values == sorted(values, reverse=True)
    assert values[1] < values[0] / 4


def test_the_laplacian_of_a_parabola_is_even() -> None:
    rows, columns = np.mgrid[:32, :32].astype(float)
    assert laplacian_variance(rows**2 + 2 * columns**2) == pytest.approx(0.0)


def test_a_jpeg_shows_its_blocks_and_the_more_the_worse_it_is() -> None:
    gray = LUMA.astype(np.uint8)[..., None]
    shown = [blockiness(compress_jpeg(gray, q)[..., 0].astype(float)) for q in (10, 30, 95)]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] > 1.5
    assert blockiness(LUMA) == pytest.approx(1.0, abs=0.05)


def test_an_even_image_has_no_blocks() -> None:
    assert blockiness(np.full((32, 32), 7.0)) == 1.0


def test_the_smallest_image_gives_finite_numbers() -> None:
    image = np.random.default_rng(0).uniform(0.0, 255.0, (MIN_SIDE, MIN_SIDE))
    assert all(np.isfinite(f(image)) for f in (wavelet_noise, laplacian_variance, blockiness))
