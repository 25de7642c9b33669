"""Convert between image layouts: 8-bit HWC outside the network, float NCHW or NHWC inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import NonFiniteOutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def to_nchw(pixels: NDArray[np.uint8 | np.float64], peak: float) -> NDArray[np.float32]:
    """Convert pixels or levels (H, W, C) in 0..255 to float32 (1, C, H, W) in [0, peak].

    `peak` is the float value of level 255 in the network. Levels are multiplied by peak / 255 in
    float32, not clipped.
    """
    return np.ascontiguousarray(to_nhwc(pixels, peak).transpose(0, 3, 1, 2))


def to_nhwc(pixels: NDArray[np.uint8 | np.float64], peak: float) -> NDArray[np.float32]:
    """Convert pixels or levels (H, W, C) in 0..255 to float32 (1, H, W, C) in [0, peak].

    `peak` is the float value of level 255 in the network. Levels are multiplied by peak / 255 in
    float32, not clipped.
    """
    return (pixels.astype(np.float32) * np.float32(peak / 255.0))[np.newaxis]


def from_nchw(values: NDArray[np.floating], peak: float) -> NDArray[np.uint8]:
    """Convert float (1, C, H, W) values in [0, peak] to uint8 pixels (H, W, C).

    Values 0 and `peak` become 0 and 255; the rest is rounded half to even and clipped to 0..255.

    Raises:
        NonFiniteOutputError: a value is NaN or infinite.
    """
    return from_nhwc(values.transpose(0, 2, 3, 1), peak)


def levels_from_nchw(values: NDArray[np.floating], peak: float) -> NDArray[np.float64]:
    """Convert float (1, C, H, W) values to levels, float64 (H, W, C), not rounded or clipped.

    Values 0 and `peak` become levels 0 and 255. N is 1.

    Raises:
        NonFiniteOutputError: a value is NaN or infinite.
    """
    return levels_from_nhwc(values.transpose(0, 2, 3, 1), peak)


def pixels_of(levels: NDArray[np.floating | np.uint8]) -> NDArray[np.uint8]:
    """Convert levels to uint8 pixels: rounded half to even, as in QuantizeLinear, and clipped.

    The shape, which may be any, is kept. uint8 is returned unchanged, not copied. Levels must be
    finite.
    """
    if levels.dtype == np.uint8:
        return levels.astype(np.uint8, copy=False)
    return np.ascontiguousarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))


def from_nhwc(values: NDArray[np.floating], peak: float) -> NDArray[np.uint8]:
    """Convert float (1, H, W, C) values in [0, peak] to uint8 pixels (H, W, C).

    Values 0 and `peak` become 0 and 255; the rest is rounded half to even, as in QuantizeLinear,
    and clipped to 0..255.

    Raises:
        NonFiniteOutputError: a value is NaN or infinite.
    """
    return pixels_of(levels_from_nhwc(values, peak))


def levels_from_nhwc(values: NDArray[np.floating], peak: float) -> NDArray[np.float64]:
    """Convert float (1, H, W, C) values to levels, float64 (H, W, C), not rounded or clipped.

    Values 0 and `peak` become levels 0 and 255. N is 1.

    Raises:
        NonFiniteOutputError: a value is NaN or infinite.
    """
    if not np.isfinite(values).all():
        bad = int(np.size(values) - np.isfinite(values).sum())
        raise NonFiniteOutputError(
            f"the output holds {bad} values that are NaN or infinite, of {np.size(values)}. "
            "Check the weights, and the range that the model expects its pixels in."
        )
    levels: NDArray[np.float64] = values[0].astype(np.float64) * (255.0 / peak)
    return levels
