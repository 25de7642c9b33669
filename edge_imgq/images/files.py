"""Read and write image files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.artifact import unwritten
from edge_imgq.errors import ImageError, OutputError, UsageError
from edge_imgq.images.colour import rgb_to_y, to_pixels
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

HEIF = frozenset({".heic", ".heif", ".hif"})
"""Suffixes of iPhone photographs: read if pillow-heif is installed, never written."""

WANTED = "an image is a NumPy array of uint8, (height, width, 3) in RGB or (height, width, 1)"

GRAY_MODES = frozenset({"1", "L", "LA", "La", "F", "I", "I;16", "I;16B", "I;16L"})


def list_images(folder: Path) -> tuple[Path, ...]:
    """List the image files directly in `folder`, sorted by name.

    Suffixes count in upper and lower case; subfolders are not searched.

    Raises:
        UsageError: the folder does not exist, is a file, or holds no image.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name a folder that holds images.")
    known = read_suffixes()
    found = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in known))
    if not found:
        said = f"{folder} holds no image ({', '.join(sorted(known))})."
        raise UsageError(" ".join(filter(None, (said, unread_images(folder)))))
    return found


def holds_images(folder: Path) -> bool:
    """Return True if `list_images` would find an image in an existing folder."""
    known = read_suffixes()
    return any(path.suffix.lower() in known for path in folder.iterdir())


def read_suffixes() -> frozenset[str]:
    """Return the suffixes of readable images, lower case with the dot.

    Those of HEIF only if pillow-heif is installed.
    """
    return SUFFIXES | HEIF if find_spec("pillow_heif") else SUFFIXES


def unread_images(folder: Path) -> str:
    """Describe the images in an existing folder that cannot be read, in a sentence; "" if none."""
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

    A colour image gives BT.601 luma in 16..235, rounded. A gray image is used unchanged, as in the
    super-resolution papers, and may span 0..255.

    Raises:
        ImageError: the file is missing, truncated or not an image.
    """
    return in_colour(_read_pixels(path), "y")


def read_image(path: Path, colour: Colour) -> NDArray[np.uint8]:
    """Read an image as a network takes it, uint8: `read_y` for "y" (H, W, 1), else `read_rgb`.

    Raises:
        ImageError: the file is missing, truncated or not an image.
    """
    return read_y(path) if colour == "y" else read_rgb(path)


def in_colour(pixels: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """Convert pixels (H, W, 1 or 3) to a network's colour: "y" (H, W, 1) or "rgb" (H, W, 3)."""
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
    """Write uint8 (H, W, 3) or (H, W, 1) in the format of the suffix, as `save_image` does.

    Raises:
        OutputError: the suffix is unknown or the file cannot be written.
    """
    save_image(path, as_pillow(pixels))


def as_pillow(pixels: NDArray[np.uint8]) -> PillowImage.Image:
    """Convert uint8 (H, W, 3), (H, W, 4), RGBA, or (H, W, 1) to a Pillow image, a copy."""
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def joined(size: tuple[int, int], bands: Iterable[NDArray[np.uint8]]) -> PillowImage.Image:
    """Assemble a Pillow image of a height and width from bands of rows, from the top.

    A band can be freed before the next is made, so memory holds the image only once. Each band is
    uint8 (rows, width, 1, 3 or 4), all alike; their rows add up to the height.
    """
    from PIL import Image

    image, top = None, 0
    for band in bands:
        part = as_pillow(band)
        if image is None:
            unwritten = None  # a colour would fill the whole image first
            image = Image.new(part.mode, (size[1], size[0]), unwritten)
        image.paste(part, (0, top))
        top += part.height
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
    has quality 95.

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

    The body writes the file; the temporary path has the same suffix.

    Raises:
        OutputError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise unwritten(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _read_pixels(path: Path) -> NDArray[np.uint8]:
    with open_image(path) as opened:
        return decoded(opened, path)[1]


def decoded(opened: PillowImage.Image, path: Path) -> tuple[PillowImage.Image, NDArray[np.uint8]]:
    """Decode an open image upright; also return uint8 (H, W, 1) for gray files, else (H, W, 3).

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
