"""Bicubic resizing: the gate of the super-resolution protocol, and properties of the kernel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.images.files import list_images, read_y
from edge_imgq.images.resize import crop_to_multiple, downscale, resize, upscale
from edge_imgq.metrics.psnr import psnr


@pytest.mark.parametrize(("scale", "published"), [(2, 33.66), (3, 30.39), (4, 28.42)])
def test_bicubic_reaches_the_published_psnr_on_set5(
    shared_data: Path, scale: int, published: float
) -> None:
    values = []
    for path in list_images(shared_data / "Set5"):
        truth = crop_to_multiple(read_y(path), scale)
        values.append(psnr(truth, upscale(downscale(truth, scale), scale), shave=scale))
    assert np.mean(values) == pytest.approx(published, abs=0.02)


def test_bicubic_on_set14_takes_the_gray_bridge_as_it_is(shared_data: Path) -> None:
    values = []
    for path in list_images(shared_data / "Set14"):
        truth = crop_to_multiple(read_y(path), 2)
        values.append(psnr(truth, upscale(downscale(truth, 2), 2), shave=2))
    assert np.mean(values) == pytest.approx(30.24, abs=0.02)


def test_doubling_a_line_uses_the_cubic_with_a_of_minus_one_half() -> None:
    line = np.zeros((1, 9, 1), np.uint8)
    line[0, 4] = 200
    doubled = upscale(np.repeat(line, 9, axis=0), 2)[8, :, 0]
    # Keys' cubic at distances 1.75, 1.25, 0.75, 0.25: -0.0234, -0.0703, 0.2266, 0.8672.
    assert list(doubled[4:14]) == [0, 0, 0, 45, 173, 173, 45, 0, 0, 0]


def test_shrinking_is_antialiased_so_a_fine_checkerboard_becomes_gray() -> None:
    board = (np.indices((32, 32)).sum(axis=0) % 2 * 254).astype(np.uint8)[..., None]
    inner = downscale(board, 2)[3:-3, 3:-3]
    assert np.abs(inner.astype(int) - 127).max() <= 2


def test_channels_do_not_mix() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    together = resize(pixels, (7, 9))
    for channel in range(3):
        alone = resize(pixels[..., channel : channel + 1], (7, 9))
        np.testing.assert_array_equal(together[..., channel : channel + 1], alone)


def test_cropping_cuts_at_the_bottom_and_the_right() -> None:
    pixels = np.arange(7 * 10, dtype=np.uint8).reshape(7, 10, 1)
    np.testing.assert_array_equal(crop_to_multiple(pixels, 4), pixels[:4, :8])
    np.testing.assert_array_equal(downscale(pixels, 3), resize(pixels[:6, :9], (2, 3)))
