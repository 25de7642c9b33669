"""Images are listed in folders, read and written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_imgq.errors import ImageError, OutputError, UsageError
from edge_imgq.images import decode, files
from edge_imgq.images.files import (
    atomic_write,
    is_grayscale,
    list_images,
    read_rgb,
    read_y,
    unread_images,
    write_image,
)
from edge_imgq.images.samples import folder_set


def random_rgb(seed: int, height: int = 12, width: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    pixels = random_rgb(1)
    write_image(tmp_path / "colour.png", pixels)
    write_image(tmp_path / "gray.png", pixels[..., :1])
    np.testing.assert_array_equal(read_rgb(tmp_path / "colour.png"), pixels)
    np.testing.assert_array_equal(read_y(tmp_path / "gray.png"), pixels[..., :1])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["colour.png", "gray.png"]


def test_gray_keeps_its_full_range_as_luma_and_colour_is_squeezed(tmp_path: Path) -> None:
    black_and_white = np.array([[[0], [255]]], np.uint8)
    write_image(tmp_path / "gray.png", black_and_white)
    write_image(tmp_path / "colour.png", np.repeat(black_and_white, 3, axis=2))
    assert read_y(tmp_path / "gray.png").ravel().tolist() == [0, 255]
    assert read_y(tmp_path / "colour.png").ravel().tolist() == [16, 235]
    assert read_rgb(tmp_path / "gray.png").shape == (1, 2, 3)
    assert is_grayscale(tmp_path / "gray.png")
    assert not is_grayscale(tmp_path / "colour.png")


def test_folders_are_listed_by_name_and_empty_ones_refused(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ["a.jpg", "b.PNG"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no image"):
        list_images(tmp_path / "empty")
    with pytest.raises(UsageError, match="is not a folder"):
        list_images(tmp_path / "missing")


def test_nothing_half_written_stays_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "taken.png"
    target.mkdir()
    with pytest.raises(OutputError, match=r"taken\.png cannot be written: there is a folder"):
        write_image(target, random_rgb(5))
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]


def test_a_full_disk_is_named_with_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"/a\.png could not be written: the disk is full \("),
        atomic_write(tmp_path / "a.png") as temporary,
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="image format"):
        write_image(tmp_path / "image.xyz", random_rgb(5))


def test_pictures_of_formats_that_are_not_read_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "find_spec", lambda _name: None)
    for name in ("a.HEIC", "b.heic", "c.dng", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    said = f"3 files of {tmp_path} are not read (.dng, .heic): convert to JPEG or PNG."
    assert unread_images(tmp_path) == said
    with pytest.raises(UsageError, match=r"holds no image .*3 files of .* are not read"):
        list_images(tmp_path)
    write_image(tmp_path / "d.png", random_rgb(1))
    assert [path.name for path in list_images(tmp_path)] == ["d.png"]
    assert folder_set(tmp_path).description == f"1 image of {tmp_path.name}; {said}".rstrip(".")
    (tmp_path / "pure").mkdir()
    write_image(tmp_path / "pure" / "e.png", random_rgb(1))
    assert unread_images(tmp_path / "pure") == ""


def test_what_an_iphone_writes_is_read_where_its_package_is(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    rows, columns = np.indices((40, 56))
    photo = np.stack([rows * 4, columns * 3, rows + columns], -1).astype(np.uint8)
    heif.from_pillow(Image.fromarray(photo)).save(tmp_path / "a.heic", quality=-1)
    assert list_images(tmp_path) == (tmp_path / "a.heic",)
    assert unread_images(tmp_path) == ""
    assert np.abs(read_rgb(tmp_path / "a.heic").astype(int) - photo).max() <= 6


def test_without_its_package_the_message_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (files, decode):
        monkeypatch.setattr(module, "find_spec", lambda _name: None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(ImageError, match=r"pip install pillow-heif, which reads it"):
        read_rgb(tmp_path / "a.heic")
    with pytest.raises(UsageError, match=r"holds no image .*, or pip install pillow-heif"):
        list_images(tmp_path)
