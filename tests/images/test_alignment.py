"""Photographs that a known homography maps onto each other, and the patches cut out of them."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.errors import ImageError

cv2 = pytest.importorskip("cv2")

from edge_imgq.images.alignment import align, best_shift  # noqa: E402 - needs OpenCV
from edge_imgq.images.patch_pairs import patch_pairs  # noqa: E402
from tests.images.build import CAMERAS, photo, seen_by  # noqa: E402

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_common_part_shows_the_same_at_every_pixel(camera: str) -> None:
    whole = photo()
    phone = seen_by(whole, CAMERAS[camera], (380, 560))
    found = align(phone, whole)
    assert found.agreeing >= 25
    assert found.phone.shape == found.other.shape
    assert found.phone.shape[0] > 250
    assert found.phone.shape[1] > 350
    difference = found.phone.astype(float) - found.other
    psnr = 10 * np.log10(255**2 / np.mean(difference[8:-8, 8:-8] ** 2))
    aside = np.mean((found.phone[8:-8, 8:-8].astype(float) - found.other[8:-8, 9:-7]) ** 2)
    assert psnr > 30, psnr
    assert psnr > 10 * np.log10(255**2 / aside) + 3  # and less so one pixel beside


def test_a_camera_with_more_pixels_is_brought_to_the_phones_without_aliasing() -> None:
    whole = photo()
    phone = cv2.resize(whole, (240, 160), interpolation=cv2.INTER_AREA)
    found = align(phone, whole)
    part = found.phone.shape
    assert found.other.shape == part
    assert min(part[:2]) > 150
    aliased = whole[1::5, 1::5][: part[0] // 2, : part[1] // 2]
    error = np.mean((found.phone.astype(float) - found.other) ** 2)
    single = np.mean((found.phone[::2, ::2][:78, :118].astype(float) - aliased[:78, :118]) ** 2)
    assert 10 * np.log10(255**2 / error) > 29
    assert error < 0.5 * single


def test_tone_and_colour_may_differ() -> None:
    whole = photo()
    phone = seen_by(whole, CAMERAS["nearer"], (380, 560))
    dull = (phone * np.array([0.6, 0.7, 0.8]) + 25).astype(np.uint8)
    assert align(dull, whole).agreeing >= 25


def test_two_scenes_are_refused() -> None:
    with pytest.raises(ImageError, match="matches of key points agree, and 25 must"):
        align(photo("coffee"), photo("rocket"))


def test_a_flat_picture_is_refused() -> None:
    with pytest.raises(ImageError, match="key points were found"):
        align(np.full((200, 300, 3), 128, np.uint8), photo())


def test_photographs_that_share_too_little_are_refused() -> None:
    whole = photo()
    left, right = whole[:, :400], whole[:, 160:]
    with pytest.raises(ImageError, match="share less than 15%"):
        align(np.hstack([np.zeros((400, 1400, 3), np.uint8), left]), right)


def test_the_picture_shows_both_photographs_and_lines_between_them() -> None:
    whole = photo()
    found = align(seen_by(whole, CAMERAS["aside"], (360, 540)), whole)
    assert found.picture.shape[0] == 480
    assert found.picture.shape[1] == 480 * 540 // 360 + 480 * 600 // 400
    drawn = (found.picture == np.array([230, 60, 60])).all(axis=2)
    assert drawn[:, :720].any()
    assert drawn[:, 720:].any()


@pytest.mark.parametrize("shift", [(0, 0), (3, -5), (-4, 2)])
def test_patches_are_found_where_they_were_shifted_to(shift: tuple[int, int]) -> None:
    whole = photo()[:240, :300]
    other = np.roll(whole, shift, axis=(0, 1))
    pairs = list(patch_pairs(whole, other, 64))
    assert len(pairs) >= 6
    for pair in pairs:
        assert pair.shift == shift
        assert np.array_equal(pair.phone, pair.other)
        assert pair.correlation == pytest.approx(1.0, abs=1e-6)


def test_patches_further_away_are_left_out() -> None:
    whole = photo()[:240, :300]
    assert not list(patch_pairs(whole, np.roll(whole, 40, axis=1), 64))


def test_flat_patches_are_left_out() -> None:
    flat = np.full((200, 200, 3), 90, np.uint8)
    assert not list(patch_pairs(flat, flat, 64))


def test_the_correlation_does_not_mind_brightness_and_contrast() -> None:
    rng = np.random.default_rng(3)
    area = rng.uniform(0, 255, (40, 44)).astype(np.float32)
    noise = rng.normal(0, 20, (32, 34))
    patch = (area[4:36, 7:41] * 0.5 + 20 + noise).astype(np.float32)
    shift, correlation = best_shift(patch, area)
    assert shift == (4, 7)
    expected = np.corrcoef(patch.ravel(), area[4:36, 7:41].ravel())[0, 1]
    assert correlation == pytest.approx(expected, abs=1e-4)
