"""Degradations: seeded, of the right shape, and doing what their names say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import convolve as scipy_convolve

from edge_imgq.errors import UsageError
from edge_imgq.images.blur import (
    Defocus,
    MotionBlur,
    convolve,
    disc_kernel,
    gaussian_kernel,
    motion_kernel,
)
from edge_imgq.images.degrade import PIECES, degrade_for
from edge_imgq.images.files import list_images, read_y
from edge_imgq.images.jpeg import JpegCompression, compress_jpeg
from edge_imgq.images.noise import MIDDLE, GaussianNoise, PoissonNoise, SensorNoise
from edge_imgq.images.phone import PhoneCamera, light_falloff
from edge_imgq.images.resize import downscale
from edge_imgq.metrics.psnr import psnr
from edge_imgq.models.zoo import UNTRAINED, ZOO


def photo(seed: int = 0, height: int = 40, width: int = 52) -> np.ndarray:
    """Return random colours with some smoothness."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4, 3))
    return np.kron(coarse, np.ones((4, 4, 1))).astype(np.uint8)


@pytest.mark.parametrize("entry", [*ZOO.values(), *UNTRAINED.values()], ids=[*ZOO, *UNTRAINED])
def test_the_same_seed_gives_the_same_input_and_the_size_divides_by_the_scale(entry) -> None:
    degrade = degrade_for(entry.task, entry.scale)
    first = degrade(photo(), np.random.default_rng(7))
    np.testing.assert_array_equal(first, degrade(photo(), np.random.default_rng(7)))
    assert first.dtype == np.uint8
    assert first.shape == (40 // entry.scale, 52 // entry.scale, 3)


@pytest.mark.parametrize("task", ["photo-enhancement", "deblur", "jpeg", "denoise"])
def test_another_seed_gives_another_input(task: str) -> None:
    degrade = degrade_for(task, 1)
    assert (
        degrade(photo(), np.random.default_rng(1)) != degrade(photo(), np.random.default_rng(2))
    ).any()


def test_super_resolution_is_degraded_by_bicubic_alone() -> None:
    degraded = degrade_for("super-resolution", 3)(photo(), np.random.default_rng(1))
    np.testing.assert_array_equal(degraded, downscale(photo(), 3))


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(UsageError, match="'colourise'"):
        degrade_for("colourise", 1)


def test_convolution_agrees_with_scipy_for_an_asymmetric_kernel() -> None:
    rng = np.random.default_rng(11)
    values = rng.uniform(0, 255, (20, 23, 3)).astype(np.float32)
    kernel = rng.uniform(0, 1, (5, 5)).astype(np.float32)
    kernel /= kernel.sum()
    expected = scipy_convolve(values.astype(float), kernel[..., None], mode="reflect")
    np.testing.assert_allclose(convolve(values, kernel), expected, atol=1e-3)


@pytest.mark.parametrize("length", [1.0, 5.0, 16.0, 30.0])
def test_a_motion_kernel_sums_to_one_and_is_no_longer_than_its_path(length: float) -> None:
    for seed in range(20):
        kernel = motion_kernel(np.random.default_rng(seed), length)
        assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
        assert (kernel >= 0).all()
        rows, columns = np.nonzero(kernel)
        assert np.hypot(np.ptp(rows), np.ptp(columns)) <= length + 3


def test_a_motion_kernel_is_centred_so_that_nothing_shifts() -> None:
    for seed in range(20):
        kernel = motion_kernel(np.random.default_rng(seed), 12.0)
        offsets = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
        assert abs(float(kernel.sum(axis=1) @ offsets)) < 1e-4
        assert abs(float(kernel.sum(axis=0) @ offsets)) < 1e-4


def test_motion_blur_keeps_a_flat_image_up_to_its_noise() -> None:
    flat = np.full((32, 32, 3), 120, np.uint8)
    np.testing.assert_array_equal(MotionBlur(noise=0.0)(flat, np.random.default_rng(1)), flat)
    noisy = MotionBlur(noise=3.0)(flat, np.random.default_rng(1))
    assert 0 < noisy.std() <= 3.2


def test_motion_blur_removes_detail() -> None:
    sharp = photo()
    blurred = MotionBlur(shortest=10, longest=10, noise=0)(sharp, np.random.default_rng(1))
    assert (
        np.abs(np.diff(blurred.astype(int), axis=1)).mean()
        < 0.7 * np.abs(np.diff(sharp.astype(int), axis=1)).mean()
    )


def test_the_phone_camera_darkens_and_takes_contrast_and_colour() -> None:
    sharp = photo()
    poor = PhoneCamera()(sharp, np.random.default_rng(2))
    spread = [float((p.max(axis=2).astype(int) - p.min(axis=2)).mean()) for p in (sharp, poor)]
    assert poor.mean() < sharp.mean()
    assert poor.std() < sharp.std()
    assert spread[1] < 0.9 * spread[0]


def test_lost_saturation_halves_the_distance_from_gray_and_keeps_gray() -> None:
    sharp = np.tile(np.array([180, 120, 90], np.uint8), (16, 16, 1))
    one = (1.0, 1.0)
    camera = PhoneCamera(
        gamma=one, contrast=one, lift=(0, 0), cast=(1, 1, 1), cast_spread=0.0,
        saturation=(0.5, 0.5), vignette=(0, 0), noise=(0, 0),
    )  # fmt: skip
    np.testing.assert_array_equal(
        camera(sharp, np.random.default_rng(1)), np.tile([155, 125, 110], (16, 16, 1))
    )


def test_a_cast_scales_the_channels_apart() -> None:
    gray, one = np.full((16, 16, 3), 100, np.uint8), (1.0, 1.0)
    camera = PhoneCamera(
        gamma=one, contrast=one, lift=(0, 0), cast=(0.9, 1.0, 1.1), cast_spread=0.0,
        saturation=one, vignette=(0, 0), noise=(0, 0),
    )  # fmt: skip
    np.testing.assert_array_equal(
        camera(gray, np.random.default_rng(1)), np.tile([90, 100, 110], (16, 16, 1))
    )


def test_light_falls_off_from_the_centre_to_the_corners() -> None:
    factors = light_falloff((5, 9), 0.3)
    assert factors[2, 4] == pytest.approx(1.0)
    assert factors[0, 0] == pytest.approx(0.7)
    assert factors[0, 4] == pytest.approx(0.85)


def test_a_gaussian_is_normalised_and_as_wide_as_asked() -> None:
    kernel = gaussian_kernel(1.5)
    offsets = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    assert float(kernel.sum(axis=0) @ offsets**2) == pytest.approx(1.5**2, rel=0.05)


@pytest.mark.parametrize(("quality", "published"), [(10, 27.82), (20, 30.12), (40, 32.43)])
def test_jpeg_loses_on_classic5_what_the_papers_print(
    shared_data: Path, quality: int, published: float
) -> None:
    truths = [read_y(path) for path in list_images(shared_data / "Classic5")]
    values = [psnr(truth, compress_jpeg(truth, quality)) for truth in truths]
    assert np.mean(values) == pytest.approx(published, abs=0.01)


def test_both_ends_of_the_quality_range_are_drawn() -> None:
    gray = photo()[..., :1]
    drawn = [
        JpegCompression((30, 31))(gray, np.random.default_rng(seed)).tobytes() for seed in range(20)
    ]
    assert set(drawn) == {compress_jpeg(gray, quality).tobytes() for quality in (30, 31)}


def test_noise_has_the_stated_deviation_and_no_bias() -> None:
    gray = np.full((200, 200, 1), 127, np.uint8)
    difference = GaussianNoise((25.0, 25.0))(gray, np.random.default_rng(4)).astype(int) - 127
    assert difference.std() == pytest.approx(25.0, rel=0.02)
    assert abs(difference.mean()) < 0.5


@pytest.mark.parametrize("shot", [0.0, 0.4, 1.0])
def test_a_sensor_has_its_deviation_at_mid_gray_and_more_where_it_is_brighter(shot: float) -> None:
    for level in (60, 180):
        gray = np.full((200, 200, 3), level, np.uint8)
        noisy = SensorNoise(12.0, shot)(gray, np.random.default_rng(6)).astype(float)
        wanted = 144 * ((1 - shot) + shot * level / MIDDLE)
        assert noisy.mean() == pytest.approx(level, abs=0.2)
        # Rounding to pixels adds a twelfth.
        assert noisy.var() == pytest.approx(wanted + 1 / 12, rel=0.02)
        channels = np.corrcoef(noisy.reshape(-1, 3).T)
        assert abs(channels[0, 1]) < 0.02


def test_counted_photons_have_the_variance_of_their_mean() -> None:
    for level in (60, 180):
        gray = np.full((200, 200, 1), level, np.uint8)
        noisy = PoissonNoise((100.0, 100.0))(gray, np.random.default_rng(5)).astype(float)
        assert noisy.mean() == pytest.approx(level, abs=0.5)
        # A count of n has a variance of n; a level is 255 / 100 of a photon.
        assert noisy.var() == pytest.approx(level * 255 / 100, rel=0.05)


@pytest.mark.parametrize("radius", [0.4, 1.0, 2.5, 6.0])
def test_a_disc_has_its_area_and_no_direction(radius: float) -> None:
    kernel = disc_kernel(radius)
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(kernel, np.rot90(kernel), atol=1e-7)
    if radius >= 1:
        assert 1.0 / kernel.max() == pytest.approx(np.pi * radius**2, rel=0.05)


def test_a_lens_out_of_focus_keeps_a_flat_image_and_removes_detail() -> None:
    flat = np.full((32, 32, 3), 120, np.uint8)
    np.testing.assert_array_equal(Defocus()(flat, np.random.default_rng(1)), flat)
    blurred = Defocus((3.0, 3.0))(photo(), np.random.default_rng(1)).astype(int)
    assert (
        np.abs(np.diff(blurred, axis=1)).mean()
        < 0.7 * np.abs(np.diff(photo().astype(int), axis=1)).mean()
    )


def test_pieces_follow_the_task_in_the_order_that_they_are_named_in() -> None:
    chained = degrade_for("super-resolution", 2, ("noise", "jpeg"))(
        photo(), np.random.default_rng(9)
    )
    rng, small = np.random.default_rng(9), downscale(photo(), 2)
    by_hand = PIECES["jpeg"]()(PIECES["noise"]()(small, rng), rng)
    np.testing.assert_array_equal(chained, by_hand)
    with pytest.raises(UsageError, match="no degradation 'rain'"):
        degrade_for("deblur", 1, ("rain",))
    dull = degrade_for("deblur", 1, ("phone",))(photo(), np.random.default_rng(9))
    assert dull.shape == photo().shape
    assert dull.mean() < photo().mean()
