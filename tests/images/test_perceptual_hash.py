"""Copies of photographs that ship with scikit-image are known, and different ones are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_imgq.images.colour import rgb_to_y
from edge_imgq.images.files import read_rgb
from edge_imgq.images.perceptual_hash import Fingerprint, fingerprint, fingerprint_of, is_copy
from edge_imgq.images.samples import Photo
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest

PHOTOS = {
    image.name: image_path(image) for image in read_manifest(default_manifest(Path("/nowhere")))
}


def of(picture: Image.Image) -> Fingerprint:
    return fingerprint_of(rgb_to_y(np.asarray(picture.convert("RGB")))[..., 0])


def of_file(path: Path) -> Fingerprint:
    return fingerprint(Photo(path.stem, path))


@pytest.fixture(scope="module")
def known() -> dict[str, Fingerprint]:
    return {name: of_file(path) for name, path in PHOTOS.items()}


def jpeg(picture: Image.Image, quality: int = 60) -> Image.Image:
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "JPEG", quality=quality)
    return Image.open(stream)


def cut(picture: Image.Image) -> Image.Image:
    """Return a piece that begins at odd and even places."""
    width, height = picture.size
    left, top = width // 8 * 2 + 1, height // 8 * 2
    return picture.crop((left, top, left + width * 5 // 8, top + height * 5 // 8))


def smaller(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.resize((width * 2 // 3, height * 2 // 3), Image.Resampling.LANCZOS)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG": jpeg,
    "smaller": smaller,
    "cut": cut,
    "cut and JPEG": lambda picture: jpeg(cut(picture), 80),
}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_a_copy_is_known(
    make: Callable[[Image.Image], Image.Image], known: dict[str, Fingerprint]
) -> None:
    missed = [
        name
        for name, path in PHOTOS.items()
        if not is_copy(known[name], of(make(Image.open(path))))
    ]
    assert len(missed) <= 1, missed


def test_different_photographs_are_not_alike(known: dict[str, Fingerprint]) -> None:
    pairs = combinations(known, 2)
    assert [pair for pair in pairs if is_copy(known[pair[0]], known[pair[1]])] == []


def test_the_published_sets_share_the_pictures_that_they_are_known_to_share(
    shared_data: Path,
) -> None:
    sets = {name: sorted((shared_data / name).iterdir()) for name in ("Set5", "Set14")}
    prints = {n: {p.stem: of_file(p) for p in paths} for n, paths in sets.items()}
    found = {
        (one, other)
        for one, own in prints["Set5"].items()
        for other, theirs in prints["Set14"].items()
        if is_copy(own, theirs)
    }
    # Set5's butterfly is a piece of Set14's monarch, and the head is the face.
    assert found == {("butterfly_GT", "monarch"), ("head_GT", "face")}


@pytest.mark.parametrize("level", [0, 128])
def test_flat_and_tiny_pictures_are_like_nothing(level: int, known: dict[str, Fingerprint]) -> None:
    for size in ((200, 300), (3, 3), (1, 40)):
        flat = fingerprint_of(np.full(size, level, np.float64))
        assert not any(is_copy(flat, other) for other in [flat, *known.values()])


def test_the_pixels_of_a_file_are_what_counts(tmp_path: Path) -> None:
    path = PHOTOS["astronaut"]
    Image.fromarray(read_rgb(path)).save(tmp_path / "copy.bmp")
    assert is_copy(of_file(path), of_file(tmp_path / "copy.bmp"))
