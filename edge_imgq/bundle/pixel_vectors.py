"""Generate test vectors of pixel conversions and tiling, for the code of apps.

A line is a name, the inputs and the outputs, separated by "|". It holds integers only, so that any
language can read it without a library.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.bundle.app_pixels import from_yuv, full, limited, recoloured
from edge_imgq.bundle.photo import sample_photo
from edge_imgq.images.colour import exact_luma
from edge_imgq.images.layout import pixels_of, to_nhwc
from edge_imgq.images.tiles import Tiling, run_tiled

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

FILE = "vectors/pixels.txt"


@functools.cache
def pixel_vectors() -> bytes:
    """Return test vectors of the app's pixel and tiling code, as UTF-8 text.

    A line is "name | inputs | expected outputs", all integers, separated by spaces; floats are
    given by their bit patterns. The outputs are exact.
    """
    lines = (
        f"{name} | {_numbers(given)} | {_numbers(expected)}\n" for name, given, expected in _cases()
    )
    return "".join(lines).encode()


def _numbers(values: Iterable[Any]) -> str:
    return " ".join(str(int(value)) for array in values for value in np.ravel(array))


def _cases() -> Iterator[tuple[str, list[Any], list[Any]]]:
    colours = _colours()
    yield "luma", [colours], [exact_luma(colours)]
    levels = np.arange(256)
    yield "limited", [levels], [limited(levels)]
    yield "full", [levels], [full(levels)]
    yield from (_four_bytes(height, width) for height, width in ((1, 1), (3, 5)))
    for height, width in ((1, 1), (4, 6), (5, 7)):
        for rotation in (0, 90, 180, 270):
            yield _frame(height, width, rotation)
    for scale, height, width in ((1, 3, 4), (2, 3, 5), (3, 1, 1), (4, 2, 3)):
        rgb = sample_photo(height, width, 3)
        luma = sample_photo(height * scale, width * scale, 1)
        yield "recoloured", [[scale, height, width], rgb, luma], [recoloured(rgb, luma)]
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    for peak in (1, 255):
        yield _bytes(peak)
        yield "to_float", [peak, pixels], [to_nhwc(pixels, peak).view(np.int32)]
    yield from _tiled()


def _colours() -> Pixels:
    """Return colours, uint8 (1, N, 3), including those whose luma is halfway between two levels."""
    varied = sample_photo(31, 33, 3).reshape(1, -1, 3)
    ties = [(0, 204, 68), (4, 194, 109), (8, 184, 150), (2, 44, 141), (253, 211, 114)]
    ends = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)]
    return np.concatenate([varied, np.asarray([ties + ends], np.uint8)], axis=1)


def _four_bytes(height: int, width: int) -> tuple[str, list[Any], list[Any]]:
    """Return BGRA pixels in padded rows."""
    rgb, alpha = sample_photo(height, width, 3), sample_photo(height, width, 1)
    pixels = np.concatenate([rgb[..., ::-1], alpha], axis=-1).reshape(height, -1)
    rows = np.pad(pixels, ((0, 0), (0, 8)), constant_values=55)
    return "bgra", [[height, width, rows.shape[1]], rows], [rgb]


def _frame(height: int, width: int, rotation: int) -> tuple[str, list[Any], list[Any]]:
    """Return a camera frame with padded rows and interleaved chroma."""
    y = sample_photo(height, width, 1)[..., 0]
    chroma = sample_photo((height + 1) // 2, (width + 1) // 2, 2)
    rows = np.pad(y, ((0, 0), (0, 3)), constant_values=77)
    pairs = np.pad(chroma.reshape(chroma.shape[0], -1), ((0, 0), (0, 2)), constant_values=99)
    image = from_yuv(y, chroma[..., 0], chroma[..., 1], rotation)
    given = [[height, width, width + 3, pairs.shape[1], rotation, rows.size, pairs.size]]
    return "yuv", [*given, rows, pairs], [image.shape[:2], image]


def _bytes(peak: int) -> tuple[str, list[Any], list[Any]]:
    """Return floats as their bit patterns, including values halfway between two levels."""
    half_levels = (np.arange(-4, 516) / 2 * (peak / 255)).astype(np.float32)
    beyond = np.asarray([-1e9, 1e9, -0.0, peak * 0.333], np.float32)
    values = np.concatenate([half_levels, beyond])
    levels = values.astype(np.float64) * (255.0 / peak)
    return "to_byte", [peak, values.view(np.int32)], [pixels_of(levels)]


def _tiled() -> Iterator[tuple[str, list[Any], list[Any]]]:
    """Yield images, their tilings, and the results of a network with known receptive field.

    In the last case the receptive field exceeds the halo, which reveals the mirrored padding.
    """
    for height, width, halo, multiple, scale, reach in (
        (25, 33, 1, 1, 1, 1),
        (9, 11, 1, 1, 2, 1),
        (17, 23, 2, 1, 1, 2),
        (16, 20, 2, 4, 2, 2),
        (3, 50, 1, 2, 3, 1),
        (1, 1, 1, 1, 1, 1),
        (3, 2, 0, 1, 1, 9),
    ):
        photo = sample_photo(height, width, 1)
        tiling = Tiling((8, 12), halo, multiple)

        def network(tile: Pixels, reach: int = reach, scale: int = scale) -> Pixels:
            return window_sum(tile, reach, scale)

        result = run_tiled(photo, network, scale, tiling, _ignore)
        yield "tiled", [[height, width, 8, 12, halo, multiple, scale, reach], photo], [result]


def window_sum(pixels: Pixels, reach: int, scale: int) -> Pixels:
    """Compute a stand-in for a network with a known receptive field, to test tiling with.

    Each pixel becomes the sum modulo 256 of all pixels up to `reach` rows and columns away, zero
    beyond the border, repeated `scale` × `scale` times. `pixels` is uint8 (H, W, C), the result
    uint8 (scale × H, scale × W, C).
    """
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)))
    total = np.zeros_like(pixels)
    for down in range(2 * reach + 1):
        for right in range(2 * reach + 1):
            total += padded[down : down + height, right : right + width]
    return total.repeat(scale, axis=0).repeat(scale, axis=1)


def _ignore(_done: int) -> None:
    pass
