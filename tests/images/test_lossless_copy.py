"""Lossy files without their metadata: pixels and profile stay, where it was taken goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage import data

from edge_imgq.images.lossless_copy import lossless_copy

PHOTO = Image.fromarray(data.astronaut()[:99, :130])
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
JPEG: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "coarse": {"subsampling": "4:2:0", "quality": 30},
}


def with_metadata(path: Path, image: Image.Image = PHOTO, orientation: int = 1, **how: Any) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "secret place"
    # A marker inside a segment is none.
    words = {"comment": b"secret word \xff\xd9"} if path.suffix == ".jpg" else {}
    image.save(path, exif=exif, icc_profile=PROFILE, **words, **how)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("how", JPEG.values(), ids=JPEG)
def test_a_jpeg_keeps_its_pixels_and_profile(
    how: dict[str, Any], mode: str, tmp_path: Path
) -> None:
    path, copied = tmp_path / "a.jpg", tmp_path / "b.jpg"
    with_metadata(path, PHOTO.convert(mode), **how)
    assert b"secret" in path.read_bytes()
    copy = lossless_copy(path, ".jpeg")
    assert copy is not None
    copied.write_bytes(copy)
    with Image.open(path) as one, Image.open(copied) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
        assert other.info["icc_profile"] == PROFILE
        assert not other.getexif()
    assert b"secret" not in copy


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_keeps_its_pixels_and_profile(lossless: bool, tmp_path: Path) -> None:
    path, copied = tmp_path / "a.webp", tmp_path / "b.webp"
    with_metadata(path, PHOTO.convert("RGBA"), lossless=lossless)
    copy = lossless_copy(path, ".webp")
    assert copy is not None
    copied.write_bytes(copy)
    with Image.open(path) as one, Image.open(copied) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
        assert other.info["icc_profile"] == PROFILE
        assert not other.getexif()
    assert b"secret" in path.read_bytes()
    assert b"secret" not in copy


def test_pictures_behind_the_first_are_left_out(tmp_path: Path) -> None:
    path, copied = tmp_path / "a.jpg", tmp_path / "b.jpg"
    PHOTO.save(path, "MPO", save_all=True, append_images=[PHOTO.rotate(180)])
    copied.write_bytes(lossless_copy(path, ".jpg") or b"")
    with Image.open(path) as one, Image.open(copied) as other:
        assert (one.format, other.format) == ("MPO", "JPEG")
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert len(copied.read_bytes()) < 0.6 * len(path.read_bytes())


def test_what_is_turned_or_of_another_format_is_encoded_anew(tmp_path: Path) -> None:
    with_metadata(tmp_path / "turned.jpg", orientation=6)
    with_metadata(tmp_path / "a.jpg")
    PHOTO.convert("CMYK").save(tmp_path / "inks.jpg")
    PHOTO.save(tmp_path / "a.png")
    for name, suffix in (("turned", ".jpg"), ("inks", ".jpg"), ("a", ".webp")):
        assert lossless_copy(tmp_path / f"{name}.jpg", suffix) is None, name
    assert lossless_copy(tmp_path / "a.png", ".png") is None
