"""Network inputs and ground truth, made from ordinary photographs.

A photograph is taken as the truth and degraded as the task says (`edge_imgq.images.degrade`), with
a seed that comes from its name, so every run sees the same pixels. A folder that holds `input/` and
`truth/` is taken as pairs. For a task that nothing is known of, the photograph is the input and
there is no truth.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ImageError
from edge_imgq.images.degrade import degrade_for
from edge_imgq.images.files import list_images, read_rgb, read_y

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 768
"""Photographs are cropped to this many pixels a side, from their centre: memory and time stay
bounded, and every image of the published test sets fits whole but for a few."""


UNKNOWN_TASK = "image-to-image"


@dataclass(frozen=True)
class Photo:
    """One image file, and the file with its ground truth where that is another."""

    name: str
    path: Path
    truth: Path | None = None


@dataclass(frozen=True)
class ImageSet:
    """Images for one purpose, with the words that reports describe them by."""

    description: str
    photos: tuple[Photo, ...]


@dataclass(frozen=True)
class Sample:
    """One network input, 8-bit (H, W, C), and its ground truth (H × scale, W × scale, C) if any."""

    name: str
    pixels: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None


def folder_set(folder: Path) -> ImageSet:
    """Return the images of a folder, or the pairs of its `input/` and `truth/` folders.

    Raises:
        ImageError: there is no image, or an input has no truth of the same name.
    """
    if not (folder / "input").is_dir() or not (folder / "truth").is_dir():
        photos = tuple(Photo(path.stem, path) for path in list_images(folder))
        return ImageSet(f"{len(photos)} images of {folder.name}", photos)
    truths = {path.stem: path for path in list_images(folder / "truth")}
    inputs = list_images(folder / "input")
    lonely = [path.name for path in inputs if path.stem not in truths]
    if lonely:
        raise ImageError(
            f"{folder / 'truth'} has no image named like {lonely[0]} of {folder / 'input'}; "
            "pairs have the same name but for the extension."
        )
    photos = tuple(Photo(path.stem, path, truths[path.stem]) for path in inputs)
    return ImageSet(f"{len(photos)} pairs of {folder.name}", photos)


def samples(
    images: ImageSet, contract: ImageContract, size: tuple[int, int] | None, smallest: int = 1
) -> Iterator[Sample]:
    """Read the images of a set one by one as network inputs.

    Args:
        images: what to read.
        contract: of the network.
        size: height and width that the network insists on; inputs are cropped to it and smaller
            ones are left out. None when it takes any.
        smallest: least height and width that an input must have: the receptive field.

    Raises:
        ImageError: a file is unreadable, an image is too small, or none is large enough.
    """
    found = False
    for photo in images.photos:
        sample = _read(photo, contract, size)
        if sample is not None:
            _refuse_small(photo, sample, smallest)
            found = True
            yield sample
    if not found:
        height, width = size or (1, 1)
        raise ImageError(
            f"None of the {images.description} gives an input of {height}x{width}, the size that "
            "the network was exported for. Give larger images, or export it with an open size."
        )


def _read(photo: Photo, contract: ImageContract, size: tuple[int, int] | None) -> Sample | None:
    """Return the sample of a photograph; None when it is smaller than `size`."""
    read = read_y if contract.colour == "y" else read_rgb
    picture = read(photo.path)
    if photo.truth is not None:
        return _pair(photo, picture, read(photo.truth), contract, size)
    limit = (LARGEST, LARGEST) if size is None else _times(size, contract.scale)
    picture = _crop(picture, _window(picture, limit, contract.scale * contract.multiple), 1)
    if size is not None and picture.shape[:2] != limit:
        return None
    if contract.task == UNKNOWN_TASK:
        return Sample(photo.name, picture, None)
    degrade = degrade_for(contract.task, contract.scale)
    return Sample(photo.name, degrade(picture, _generator(photo.name)), picture)


def _pair(
    photo: Photo,
    pixels: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    contract: ImageContract,
    size: tuple[int, int] | None,
) -> Sample | None:
    if truth.shape[:2] != _times((pixels.shape[0], pixels.shape[1]), contract.scale):
        raise ImageError(
            f"{photo.truth} is {truth.shape[1]}x{truth.shape[0]}, but the truth of {photo.path} "
            f"must be {contract.scale} times its {pixels.shape[1]}x{pixels.shape[0]}."
        )
    window = _window(pixels, size or (LARGEST, LARGEST), contract.multiple)
    cropped = _crop(pixels, window, 1)
    if size is not None and cropped.shape[:2] != size:
        return None
    return Sample(photo.name, cropped, _crop(truth, window, contract.scale))


def _window(
    pixels: NDArray[np.uint8], limit: tuple[int, int], multiple: int
) -> tuple[int, int, int, int]:
    """Return top, left, height and width of the central window that is allowed.

    What a multiple cuts off is cut at the bottom and on the right, as the papers do.
    """
    top, left = (
        max(length - most, 0) // 2 for length, most in zip(pixels.shape[:2], limit, strict=True)
    )
    height, width = (
        min(length, most) // multiple * multiple
        for length, most in zip(pixels.shape[:2], limit, strict=True)
    )
    return top, left, height, width


def _crop(
    pixels: NDArray[np.uint8], window: tuple[int, int, int, int], scale: int
) -> NDArray[np.uint8]:
    top, left, height, width = (length * scale for length in window)
    return pixels[top : top + height, left : left + width]


def _times(size: tuple[int, int], scale: int) -> tuple[int, int]:
    return size[0] * scale, size[1] * scale


def _generator(name: str) -> np.random.Generator:
    """Return a generator seeded by the name of an image."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))


def _refuse_small(photo: Photo, sample: Sample, smallest: int) -> None:
    height, width = sample.pixels.shape[:2]
    if min(height, width) < smallest:
        raise ImageError(
            f"{photo.path} gives an input of {height}x{width}; the network sees {smallest}x"
            f"{smallest} pixels at once, so every pixel would be measured at a border. "
            "Leave the image out or give a larger one."
        )
