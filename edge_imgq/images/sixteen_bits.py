"""Images of 16 bits per channel, which Pillow supports in gray only; it truncates colours to 8.

OpenCV reads and writes colour PNG, tifffile TIFF.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import ImageError
from edge_imgq.images.decode import open_image
from edge_imgq.images.files import atomic_write

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    Deep: TypeAlias = NDArray[Any]

LEVELS = 257
"""16-bit codes per 8-bit level: 65535 / 255."""

PEAK = 65535

ORIENTATION = 0x0112
"""EXIF tag of the orientation."""

OPENCV = "pip install opencv-python-headless, which reads and writes PNG of 16 bits in colour"
IMAGECODECS = "pip install imagecodecs, which reads this compression of TIFF"


def is_deep(path: Path) -> bool:
    """Return True for a PNG or TIFF of 16 bits per channel, in RGB, RGBA or gray.

    False for gray with transparency and for premultiplied colours. Pixels are not decoded.

    Raises:
        ImageError: the file is missing or not an image.
    """
    with open_image(path) as image:
        stored = str(getattr(image, "tile", ""))  # the raw mode, such as "RGB;16B"
        gray = image.mode.startswith("I;16") and "transparency" not in image.info
        colour = image.mode in ("RGB", "RGBA") and "RGBa" not in stored
        return image.format in ("PNG", "TIFF") and ";16" in stored and (gray or colour)


def missing_package(path: Path, suffix: str) -> str:
    """Say which package to install to read a file of 16 bits a channel and write it again.

    A clause such as "pip install …"; "" if nothing is missing. `suffix` is that of the file to be
    written, with its dot.

    Raises:
        ImageError: the file is damaged.
    """
    with open_image(path) as image:
        in_colour, kind = not image.mode.startswith("I;16"), image.format
    if in_colour and "PNG" in (kind, suffix.lstrip(".").upper()) and not find_spec("cv2"):
        return OPENCV
    if in_colour and kind == "TIFF" and not find_spec("imagecodecs") and not _is_plain(path):
        return IMAGECODECS
    return ""


def read_deep(path: Path) -> Deep:
    """Read a file of 16 bits a channel as uint16 (H, W, 3) RGB or (H, W, 1) gray, upright.

    Values are the stored ones, 0 to 65535. The EXIF orientation is applied and transparency
    dropped. `is_deep` must hold, and `missing_package` name nothing.

    Raises:
        ImageError: the file is damaged or truncated.
    """
    with open_image(path) as image:
        turned = image.getexif().get(ORIENTATION, 1)
        try:
            pixels = _decoded(image, path)
        except (OSError, SyntaxError, ValueError) as error:
            raise ImageError(f"{path} is damaged or truncated: {error}.") from error
    return np.ascontiguousarray(_upright(pixels, turned))


def save_deep(path: Path, pixels: Deep, alpha: Deep | None, profile: bytes | None) -> None:
    """Write uint16 (H, W, 3) or (H, W, 1) as PNG or TIFF, atomically.

    Args:
        path: path of the file; any suffix but .png gives TIFF.
        pixels: pixels in RGB or gray; gray has no alpha.
        alpha: opacity, uint16 (H, W); None for an opaque image.
        profile: ICC profile of the colours.

    Raises:
        OutputError: the file cannot be written.
        OSError: OpenCV cannot write the PNG.
    """
    if alpha is not None:
        pixels = np.concatenate([pixels, alpha[..., np.newaxis]], axis=2)
    with atomic_write(path) as temporary:
        if path.suffix.lower() != ".png":
            _write_tiff(temporary, pixels, profile)
        elif pixels.shape[2] == 1:
            _write_gray_png(temporary, pixels, profile)
        else:
            _write_png(temporary, pixels, profile)


def from_levels(levels: NDArray[np.floating]) -> Deep:
    """Convert levels from 0 to 255 to uint16: times 257, rounded half to even and clipped.

    The shape is kept; values must be finite. Level 255 becomes 65535.
    """
    deep: Deep = np.clip(np.rint(levels * LEVELS), 0, PEAK).astype(np.uint16)
    return deep


def _decoded(image: PillowImage.Image, path: Path) -> Deep:
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[..., np.newaxis]
    image.load()  # refuses truncated files, which OpenCV would fill up
    return _read_png(path) if image.format == "PNG" else _read_tiff(path)


def _read_png(path: Path) -> Deep:
    import cv2

    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)
    if decoded is None:
        raise ValueError("OpenCV cannot read it")
    pixels: Deep = decoded[..., 2::-1]
    return pixels


def _read_tiff(path: Path) -> Deep:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        pixels: Deep = page.asarray()
        if page.axes.startswith("S"):  # planar configuration
            pixels = np.moveaxis(pixels, 0, -1)
    return pixels[..., :3]


def _is_plain(path: Path) -> bool:
    """Return True if tifffile alone can decode a TIFF: uncompressed, or compressed by Deflate."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            stored = tifffile.COMPRESSION(file.pages[0].compression).name
            return stored in ("NONE", "ADOBE_DEFLATE", "DEFLATE")
    except (OSError, ValueError) as error:
        raise ImageError(f"{path} is damaged or truncated: {error}.") from error


def _upright(pixels: Deep, orientation: int) -> Deep:
    """Apply an EXIF orientation, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    down = -1 if orientation in (3, 4, 7, 8) else 1
    right = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::down, ::right]


def _write_png(path: Path, pixels: Deep, profile: bytes | None) -> None:
    import cv2

    order = [2, 1, 0, 3][: pixels.shape[2]]
    swapped = np.ascontiguousarray(pixels[..., order])
    kinds = [] if profile is None else [cv2.IMAGE_METADATA_ICCP]
    stated = [] if profile is None else [np.frombuffer(profile, np.uint8)]
    written, contents = cv2.imencodeWithMetadata(".png", swapped, kinds, stated)
    if not written:
        raise OSError("OpenCV cannot write it")
    path.write_bytes(contents.tobytes())


def _write_gray_png(path: Path, pixels: Deep, profile: bytes | None) -> None:
    from PIL import Image

    Image.fromarray(pixels[..., 0]).save(path, icc_profile=profile)


def _write_tiff(path: Path, pixels: Deep, profile: bytes | None) -> None:
    import tifffile

    channels = pixels.shape[2]
    tifffile.imwrite(
        path,
        pixels if channels > 1 else pixels[..., 0],
        photometric="rgb" if channels > 1 else "minisblack",
        extrasamples=["unassalpha"] if channels > 3 else None,
        compression="zlib",
        iccprofile=profile,
        metadata=None,
    )
