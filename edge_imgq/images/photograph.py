"""Photographs with their transparency and colour profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.images.decode import GRAY_MODES, decoded, open_image
from edge_imgq.images.files import save_image
from edge_imgq.images.sixteen_bits import LEVELS, read_deep, save_deep

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    Pixels = NDArray[np.uint8]

SPACES = {"L": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}
"""Colour space in an ICC profile by Pillow's image mode."""


@dataclass(frozen=True)
class Photograph:
    """Contents of an image file.

    Attributes:
        pixels: uint8 (H, W, 3) RGB or (H, W, 1) gray, upright; uint16 if read with `deep`.
        alpha: opacity, uint8 (H, W); None if opaque.
        profile: ICC profile of the colours; None for sRGB.
    """

    pixels: Pixels
    alpha: Pixels | None
    profile: bytes | None


def read_photograph(path: Path, *, deep: bool = False) -> Photograph:
    """Read an image file, upright, with its transparency and colour profile.

    Pixels are RGB (H, W, 3) or gray (H, W, 1), uint8, or uint16 if `deep`; opacity is uint8 (H, W),
    None if opaque. The profile is not applied, but for CMYK, which becomes RGB.

    Args:
        path: path of the file.
        deep: keep the 16 bits of a file, for which `is_deep` must hold.

    Raises:
        ImageError: the file is missing, truncated or not an image.
    """
    with open_image(path) as opened:
        image, pixels = decoded(opened, path)
        profile: bytes | None = opened.info.get("icc_profile")
        return Photograph(read_deep(path) if deep else pixels, _alpha(image), profile)


def with_opacity(photo: Photograph) -> Pixels:
    """Return the pixels of a photograph as RGBA, uint8 (H, W, 4).

    Gray is repeated over three channels; opacity is 255 if the photograph has no transparency. Its
    pixels must be uint8.
    """
    height, width, channels = photo.pixels.shape
    rgb = np.repeat(photo.pixels, 3, axis=2) if channels == 1 else photo.pixels
    opaque = np.full((height, width), 255, np.uint8)
    alpha = opaque if photo.alpha is None else photo.alpha
    return np.concatenate([rgb, alpha[..., np.newaxis]], axis=2)


def write_photograph(path: Path, image: PillowImage.Image, before: Photograph) -> None:
    """Write a processed photograph with the transparency and profile of the original.

    Args:
        path: path of the new file.
        image: new image in mode RGB or L, as large as the original or larger; it gets the
            transparency in place. One in RGBA keeps its own.
        before: original. Its transparency is enlarged by bicubic; a profile of another colour space
            than the new pixels have, such as CMYK, is dropped.

    Raises:
        OutputError: the suffix is unknown or the file cannot be written.
    """
    profile = before.profile
    if profile is not None and profile[16:20] != SPACES[image.mode]:
        profile = None
    alpha = None if image.mode == "RGBA" else before.alpha
    if alpha is not None and alpha.shape != (image.height, image.width):
        alpha = _enlarged(alpha, (image.height, image.width))
    save_image(path, image, alpha, profile)


def write_deep_photograph(path: Path, pixels: NDArray[Any], before: Photograph) -> None:
    """Write a processed photograph of 16 bits with the transparency and profile of the original.

    Any suffix but .png gives TIFF.

    Args:
        path: path of the new file.
        pixels: RGB (H, W, 3) or gray (H, W, 1), uint16, as large as the original or larger; gray
            must not have transparency.
        before: original. Its transparency is enlarged by bicubic; a profile of another colour space
            than the new pixels have is dropped.

    Raises:
        OutputError: the file cannot be written.
        OSError: OpenCV cannot write the PNG.
    """
    profile, alpha = before.profile, before.alpha
    if profile is not None and profile[16:20] != SPACES["L" if pixels.shape[2] == 1 else "RGB"]:
        profile = None
    if alpha is not None and alpha.shape != pixels.shape[:2]:
        alpha = _enlarged(alpha, (pixels.shape[0], pixels.shape[1]))
    wide = None if alpha is None else alpha * np.uint16(LEVELS)
    save_deep(path, pixels, wide, profile)


def _alpha(image: PillowImage.Image) -> Pixels | None:
    if "transparency" not in image.info and "A" not in image.getbands():
        return None
    if image.mode in GRAY_MODES:
        image = image.convert("LA")
    return np.asarray(image.convert("RGBA").getchannel("A"))


def _enlarged(plane: Pixels, size: tuple[int, int]) -> Pixels:
    from PIL import Image

    larger = Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(larger)
