"""Open image files of every kind and decode their pixels upright, in 8 bits."""

from __future__ import annotations

import io
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import ImageError
from edge_imgq.images.colour import to_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image as PillowImage

HEIF = frozenset({".heic", ".heif", ".hif"})
"""Suffixes of iPhone photographs: read if pillow-heif is installed, never written."""

GRAY_MODES = frozenset({"1", "L", "LA", "La", "F", "I", "I;16", "I;16B", "I;16L"})


def open_image(path: Path) -> PillowImage.Image:
    """Open an image file; its pixels are decoded later.

    The caller closes it, or uses it in a `with` statement.

    Raises:
        ImageError: the file is missing or not an image.
    """
    from PIL import Image, UnidentifiedImageError

    if path.is_dir():
        raise ImageError(f"{path} is a folder; name the images in it.")
    if not path.is_file():
        raise ImageError(f"{path} does not exist or is not a file.")
    is_heif = path.suffix.lower() in HEIF
    if is_heif and find_spec("pillow_heif"):
        import_module("pillow_heif").register_heif_opener()
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        said = f"{path} is not an image that can be read."
        if is_heif and not find_spec("pillow_heif"):
            said += " Convert it to JPEG or PNG, or pip install pillow-heif, which reads it."
        raise ImageError(said) from error
    except (OSError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path} cannot be read: {error}.") from error


def decoded(opened: PillowImage.Image, path: Path) -> tuple[PillowImage.Image, NDArray[np.uint8]]:
    """Decode an open image; return it upright by EXIF, and its pixels in 8 bits.

    Pixels are uint8 (H, W, 1) for gray files, else RGB (H, W, 3), converted as in `read_rgb`: 16
    bits become 8, CMYK is converted by its profile, transparency is dropped. `path` is for
    messages.

    Raises:
        ImageError: the file is truncated, too large to be an image, or misread by Pillow.
    """
    from PIL import Image, ImageOps

    if _is_misread(opened):
        raise ImageError(
            f"{path} holds 16 bits a channel in a plane for each colour, not compressed: Pillow "
            "would take its bytes for pixels. Save it compressed, or with interleaved colours."
        )
    try:
        image = ImageOps.exif_transpose(opened)
        if image.mode in GRAY_MODES:
            return image, _gray_pixels(image)
        return image, np.asarray(_in_rgb(image))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path} is damaged or truncated: {error}.") from error


def _is_misread(image: PillowImage.Image) -> bool:
    """Return True for a TIFF whose planes of 16 bits Pillow 13 decodes as if they had 8."""
    tags = getattr(image, "tag_v2", {})
    bits, compression, planar = tags.get(258, ()), tags.get(259), tags.get(284)
    return len(bits) > 1 and 16 in bits and compression == 1 and planar == 2


def _in_rgb(image: PillowImage.Image) -> PillowImage.Image:
    """Convert an image to RGB; CMYK by its profile if it has a readable one."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if image.mode != "CMYK" or not profile:
        return image.convert("RGB")
    try:
        inks, screen = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, inks, screen, outputMode="RGB")
    except ImageCms.PyCMSError:
        converted = None
    return image.convert("RGB") if converted is None else converted


def _gray_pixels(image: PillowImage.Image) -> NDArray[np.uint8]:
    """Convert gray of any depth to uint8 (H, W, 1); 16 bits are scaled by 255 / 65535."""
    if image.mode in {"1", "L", "LA", "La"}:
        return np.asarray(image.convert("L"))[..., None]
    values = np.asarray(image, np.float64)
    if image.mode != "F":
        values = values / 257.0
    return to_pixels(values)[..., None]
