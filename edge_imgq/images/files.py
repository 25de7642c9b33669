"""Read and write image files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.artifact import write_errors
from edge_imgq.errors import ImageError, OutputError, UsageError
from edge_imgq.images.colour import rgb_to_y, to_pixels
from edge_imgq.images.decode import GRAY_MODES, HEIF, decoded, open_image
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    from edge_imgq.contract import Colour

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
OPAQUE = frozenset({".bmp", ".jpeg", ".jpg"})
"""Formats that are written without transparency."""

UNREAD = frozenset(
    {".arw", ".avif", ".cr2", ".cr3", ".dng", ".gif", ".heic", ".heif", ".hif", ".jp2", ".jxl"}
    | {".nef", ".orf", ".psd", ".raf", ".rw2"}
)
"""Suffixes of image formats that are not supported, or only with an optional package."""

WANTED = "an image is a NumPy array of uint8, (height, width, 3) in RGB or (height, width, 1)"


def list_images(folder: Path) -> tuple[Path, ...]:
    """List the image files directly in `folder`, sorted by name.

    Files are selected by suffix alone (`read_suffixes`), in upper or lower case, and not opened.
    Subfolders are not searched.

    Raises:
        UsageError: the folder does not exist, is a file, or holds no image.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name a folder that holds images.")
    known = read_suffixes()
    paths = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in known))
    if not paths:
        said = f"{folder} holds no image ({', '.join(sorted(known))})."
        raise UsageError(" ".join(filter(None, (said, unread_images(folder)))))
    return paths


def holds_images(folder: Path) -> bool:
    """Return True if an existing folder directly holds a file with the suffix of an image.

    Then `list_images` returns at least one path. No file is opened.
    """
    known = read_suffixes()
    return any(path.suffix.lower() in known for path in folder.iterdir())


def read_suffixes() -> frozenset[str]:
    """Return the suffixes of readable images, lower case with the dot.

    Those of HEIF only if pillow-heif is installed.
    """
    return SUFFIXES | HEIF if find_spec("pillow_heif") else SUFFIXES


def unread_images(folder: Path) -> str:
    """Describe the images in an existing folder whose format cannot be read; "" if none.

    The result is a sentence with their number, suffixes and remedy. They are told by suffix; no
    file is opened.
    """
    unread = UNREAD - read_suffixes()
    kinds = [path.suffix.lower() for path in folder.iterdir() if path.suffix.lower() in unread]
    if not kinds:
        return ""
    installing = ", or pip install pillow-heif, which reads them" if set(kinds) <= HEIF else ""
    said = (
        f"{count_of(len(kinds), 'file')} of {folder} {'is' if len(kinds) == 1 else 'are'} not read"
    )
    return f"{said} ({', '.join(sorted(set(kinds)))}): convert to JPEG or PNG{installing}."


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read an image as RGB, uint8 (H, W, 3).

    Gray images are repeated to three channels, 16 bits become 8 (rounded in gray; in colour Pillow
    keeps the upper byte), CMYK is converted by its profile, transparency is dropped, and the EXIF
    orientation is applied. Profiles of RGB images are not applied.

    Raises:
        ImageError: the file is missing, truncated or not an image.
    """
    return in_colour(_read_pixels(path), "rgb")


def read_y(path: Path) -> NDArray[np.uint8]:
    """Read an image as luma, uint8 (H, W, 1).

    A colour image gives BT.601 luma in 16..235, rounded half to even. A gray image is used
    unchanged, as in the super-resolution papers, and may span 0..255; 16 bits become 8. The EXIF
    orientation is applied and transparency dropped.

    Raises:
        ImageError: the file is missing, truncated or not an image.
    """
    return in_colour(_read_pixels(path), "y")


def read_image(path: Path, colour: Colour) -> NDArray[np.uint8]:
    """Read an image as a network takes it: uint8 (H, W, 1) luma for "y", (H, W, 3) RGB for "rgb".

    See `read_y` and `read_rgb`, one of which it calls.

    Raises:
        ImageError: the file is missing, truncated or not an image.
    """
    return read_y(path) if colour == "y" else read_rgb(path)


def in_colour(pixels: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """Convert uint8 pixels (H, W, 1 or 3) to a network's colour: "y" (H, W, 1) or "rgb" (H, W, 3).

    RGB becomes BT.601 luma in 16..235, rounded half to even; gray is repeated over three channels.
    Pixels that have the number of channels already are returned unchanged, not copied.
    """
    gray = pixels.shape[2] == 1
    if colour == "rgb":
        return np.repeat(pixels, 3, axis=2) if gray else pixels
    return pixels if gray else to_pixels(rgb_to_y(pixels))


def as_image(array: object, name: str) -> NDArray[np.uint8]:
    """Validate a user's array and return it as pixels (H, W, C), C 1 or 3.

    The result is a view of the array.

    Args:
        array: uint8, (H, W, 3), (H, W, 1) or (H, W).
        name: name of the array in messages.

    Raises:
        ImageError: the array has another type or shape.
    """
    if not isinstance(array, np.ndarray):
        raise ImageError(f"{name} is a {type(array).__name__}; {WANTED}.")
    pixels = array[..., np.newaxis] if array.ndim == 2 else array
    is_image = pixels.ndim == 3 and pixels.shape[2] in (1, 3) and pixels.size
    if pixels.dtype != np.uint8 or not is_image:
        shape = " x ".join(map(str, array.shape)) or "no axes"
        raise ImageError(f"{name} is {array.dtype} of shape {shape}; {WANTED}.")
    return pixels


def is_grayscale(path: Path) -> bool:
    """Return True if the file stores one channel of gray, with or without transparency.

    Any depth counts; a palette counts as colour. Pixels are not decoded.

    Raises:
        ImageError: the file is missing or not an image.
    """
    with open_image(path) as image:
        return image.mode in GRAY_MODES


def image_size(path: Path) -> tuple[int, int]:
    """Read an image's stored height and width, before EXIF orientation, without decoding pixels.

    Raises:
        ImageError: the file is missing or not an image.
    """
    with open_image(path) as image:
        return image.height, image.width


def write_image(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write RGB (H, W, 3) or gray (H, W, 1), uint8, in the format of the suffix.

    The write is atomic and replaces a file at `path`. JPEG and lossy WebP have quality 95.

    Raises:
        OutputError: the suffix is unknown or the file cannot be written.
    """
    save_image(path, as_pillow(pixels))


def as_pillow(pixels: NDArray[np.uint8]) -> PillowImage.Image:
    """Copy uint8 pixels to a Pillow image: (H, W, 1) to mode L, (H, W, 3) RGB, (H, W, 4) RGBA."""
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def joined(size: tuple[int, int], bands: Iterable[NDArray[np.uint8]]) -> PillowImage.Image:
    """Assemble a Pillow image of `size` = (height, width) from bands of rows, from the top.

    A band can be freed before the next is made, so memory holds the image only once. Each band is
    uint8 (rows, width, C), C 1, 3 or 4 for mode L, RGB or RGBA, the same in all. There must be a
    band, and the rows of all must add up to the height.
    """
    from PIL import Image

    image, top = None, 0
    for band in bands:
        rows = as_pillow(band)
        if image is None:
            unwritten = None  # a colour would fill the whole image first
            image = Image.new(rows.mode, (size[1], size[0]), unwritten)
        image.paste(rows, (0, top))
        top += rows.height
    assert image is not None  # an image has rows
    return image


def save_image(
    path: Path,
    image: PillowImage.Image,
    alpha: NDArray[np.uint8] | None = None,
    profile: bytes | None = None,
) -> None:
    """Write a Pillow image in the format of the suffix.

    The write is atomic: a temporary file next to `path` is renamed, and replaces a file there. JPEG
    and WebP, which is lossy, have quality 95.

    Args:
        path: path of the file.
        image: image in RGB, RGBA or gray; JPEG and BMP do not take RGBA.
        alpha: opacity, uint8 (H, W), which is put into `image` in place; not stored in JPEG and
            BMP.
        profile: ICC profile of the colours; not stored in BMP.

    Raises:
        OutputError: the suffix is unknown or the file cannot be written.
    """
    from PIL import Image

    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(f"{path} ends in no image format ({', '.join(sorted(SUFFIXES))}).")
    if alpha is not None and suffix not in OPAQUE:
        image.putalpha(Image.fromarray(alpha))
    options: dict[str, Any] = {"quality": 95}
    if profile is not None and suffix != ".bmp":
        options["icc_profile"] = profile
    with atomic_write(path) as temporary:
        image.save(temporary, **options)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success rename it to `path`, on failure delete it.

    A context manager whose body writes the file. The temporary path has the same suffix; a file at
    `path` is replaced.

    Raises:
        OutputError: writing or renaming raised OSError.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        with write_errors(path):
            yield temporary
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _read_pixels(path: Path) -> NDArray[np.uint8]:
    with open_image(path) as opened:
        return decoded(opened, path)[1]
