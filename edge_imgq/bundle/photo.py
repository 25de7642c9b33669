"""Generate the test photograph of a bundle, in integer arithmetic, equal on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


def sample_photo(height: int, width: int, channels: int) -> Pixels:
    """Return a test image with gradients, edges in all directions and grain, uint8 (H, W, C).

    H is `height`, W `width` and C `channels`. Integer arithmetic: the same bytes on every machine.
    """
    rows, columns = np.indices((height, width), dtype=np.int64)
    planes = []
    for channel in range(channels):
        ramp = (rows * (channel + 2) + columns * 3) // 4 % 256
        disc = (rows % 64 - 31) ** 2 + (columns % 64 - 31) ** 2 < 400
        stripes = (rows * (channel + 1) + columns) // 7 % 2
        grain = (rows * 40503 + columns * 30011 + channel * 97) * 69069 % 2**32 >> 28
        planes.append((ramp * 3 // 4 + disc * 40 + stripes * 12 + grain) % 256)
    return np.stack(planes, axis=2).astype(np.uint8)


def to_netpbm(pixels: Pixels) -> bytes:
    """Encode uint8 (H, W, 1) as binary PGM (P5), or (H, W, 3) as binary PPM (P6); lossless."""
    height, width, channels = pixels.shape
    header = f"P{6 if channels == 3 else 5}\n{width} {height}\n255\n"
    return header.encode() + np.ascontiguousarray(pixels).tobytes()


def from_netpbm(contents: bytes) -> Pixels:
    """Decode the result of `to_netpbm` to uint8 (H, W, C), C 1 or 3; read-only.

    Other binary PGM and PPM files may have comments, which are not parsed.

    Raises:
        ValueError: the contents have another form.
    """
    kind, size, _, values = contents.split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(values, np.uint8).reshape(height, width, 3 if kind == b"P6" else 1)
