"""Image files of every kind a camera or a tool leaves, and broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_imgq.errors import ImageError
from edge_imgq.images.files import is_grayscale, read_rgb, read_y, write_image


def random_rgb(seed: int, height: int = 12, width: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    values = np.array([[0, 128, 257 * 200, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert read_y(tmp_path / "deep.png").ravel().tolist() == [0, 0, 200, 255]
    assert is_grayscale(tmp_path / "deep.png")


def test_transparency_is_dropped_and_palettes_are_resolved(tmp_path: Path) -> None:
    pixels = random_rgb(2)
    alpha = np.full((*pixels.shape[:2], 1), 7, np.uint8)
    Image.fromarray(np.concatenate([pixels, alpha], axis=2)).save(tmp_path / "alpha.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "alpha.png"), pixels)
    flat = np.full((4, 4, 3), (10, 200, 30), np.uint8)
    Image.fromarray(flat).quantize(4).save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "palette.png"), flat)


def test_the_orientation_that_a_camera_stored_is_applied(tmp_path: Path) -> None:
    pixels = random_rgb(3)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to show
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_rgb(tmp_path / "turned.png"), np.rot90(pixels, -1))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nowhere\.png does not exist"):
        read_rgb(tmp_path / "nowhere.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    write_image(path, random_rgb(4, 64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match="cut"):
        read_rgb(path)


def test_a_text_file_and_an_empty_file_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.png").touch()
    for name in ("text.png", "empty.png"):
        with pytest.raises(ImageError, match="is not an image"):
            read_y(tmp_path / name)
        with pytest.raises(ImageError, match="is not an image"):
            is_grayscale(tmp_path / name)
