"""Memory layout of NCHW tensors in a TFLite file: rank 4 is NHWC, other ranks are unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NHWC_FROM_NCHW = (0, 2, 3, 1)


def stored_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Convert a logical shape to the file's layout.

    (N, C, H, W) becomes (N, H, W, C); shapes of other ranks stay.
    """
    if len(shape) != 4:
        return tuple(shape)
    return tuple(shape[axis] for axis in NHWC_FROM_NCHW)


def stored_axis(axis: int, rank: int) -> int:
    """Convert a logical axis, negative from the end, to its index in the file's layout.

    At rank 4, axis 1 becomes 3, 2 becomes 1 and 3 becomes 2; at other ranks axes stay.
    """
    axis %= rank
    return NHWC_FROM_NCHW.index(axis) if rank == 4 else axis


def by_stored_axis(values: Sequence[int]) -> tuple[int, ...]:
    """Reorder one value per logical axis (pads, strides of a slice) to the file's axes.

    Four values in the order N, C, H, W become N, H, W, C; other numbers of values stay.
    """
    return stored_shape(values)


def stored_values(values: NDArray[Any]) -> NDArray[Any]:
    """Transpose the contents of a tensor to the file's layout.

    NCHW becomes NHWC, contiguous; tensors of other ranks are returned unchanged.
    """
    if values.ndim != 4:
        return values
    return np.ascontiguousarray(values.transpose(NHWC_FROM_NCHW))


def stored_operand(values: NDArray[Any], rank: int) -> NDArray[Any]:
    """Convert a constant, broadcast against a tensor of logical `rank`, to the file's layout.

    ONNX aligns shapes at the last axis, so (C, 1, 1) against NCHW means (1, C, 1, 1), which is
    stored as (1, 1, 1, C). Constants of one element, and all if `rank` is not 4, are returned
    unchanged.
    """
    if rank != 4 or values.size == 1:
        return values
    return stored_values(values.reshape((1,) * (4 - values.ndim) + values.shape))


def order_survives(shape: Sequence[int]) -> bool:
    """Return True if storing a tensor as the file does keeps the order of its elements.

    The file holds images as NHWC, so that is so with one channel or one pixel. Tensors of other
    ranks are stored unchanged.

    Args:
        shape: ONNX shape, (N, C, H, W) for an image.
    """
    if len(shape) != 4:
        return True
    _, channels, height, width = shape
    return channels == 1 or height * width == 1
