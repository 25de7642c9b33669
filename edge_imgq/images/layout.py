"""The one file that knows image layouts: 8-bit HWC outside, float NCHW or NHWC inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import NonFiniteOutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def to_nchw(pixels: NDArray[np.uint8 | np.float64], peak: float) -> NDArray[np.float32]:
    """Return pixels (H, W, C), 8-bit or levels between, as float32 (1, C, H, W) in [0, peak]."""
    return np.ascontiguousarray(to_nhwc(pixels, peak).transpose(0, 3, 1, 2))


def to_nhwc(pixels: NDArray[np.uint8 | np.float64], peak: float) -> NDArray[np.float32]:
    """Return pixels (H, W, C), 8-bit or levels between, as float32 (1, H, W, C) in [0, peak]."""
    return (pixels.astype(np.float32) * np.float32(peak / 255.0))[np.newaxis]


def from_nchw(values: NDArray[np.floating], peak: float) -> NDArray[np.uint8]:
    """Return float (1, C, H, W) values as 8-bit (H, W, C) pixels; see `from_nhwc`."""
    return from_nhwc(values.transpose(0, 2, 3, 1), peak)


def levels_from_nchw(values: NDArray[np.floating], peak: float) -> NDArray[np.float64]:
    """Return float (1, C, H, W) values as levels (H, W, C), neither rounded nor clipped.

    Raises:
        NonFiniteOutputError: a value is NaN or infinite.
    """
    return levels_from_nhwc(values.transpose(0, 2, 3, 1), peak)


def pixels_of(levels: NDArray[np.floating | np.uint8]) -> NDArray[np.uint8]:
    """Return levels as pixels: rounded half to even, as QuantizeLinear does, and clipped.

    Pixels come back as they are.
    """
    if levels.dtype == np.uint8:
        return levels.astype(np.uint8, copy=False)
    return np.ascontiguousarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))


def from_nhwc(values: NDArray[np.floating], peak: float) -> NDArray[np.uint8]:
    """Return float (1, H, W, C) values in [0, peak] as 8-bit (H, W, C) pixels.

    Values are rounded half to even, as QuantizeLinear does, and clipped to 0..255.

    Raises:
        NonFiniteOutputError: a value is NaN or infinite.
    """
    return pixels_of(levels_from_nhwc(values, peak))


def levels_from_nhwc(values: NDArray[np.floating], peak: float) -> NDArray[np.float64]:
    """Return float (1, H, W, C) values as levels; see `levels_from_nchw`."""
    if not np.isfinite(values).all():
        bad = int(np.size(values) - np.isfinite(values).sum())
        raise NonFiniteOutputError(
            f"the output holds {bad} values that are NaN or infinite, of {np.size(values)}. "
            "Check the weights, and the range that the model expects its pixels in."
        )
    levels: NDArray[np.float64] = values[0].astype(np.float64) * (255.0 / peak)
    return levels
