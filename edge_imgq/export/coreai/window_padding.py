"""Padding of sliding windows, shared by convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai, constant

Sides = list[tuple[int, int]]
"""(before, after) padding of each spatial axis."""


def padding(arguments: Arguments, kernel: Sequence[int]) -> Sides:
    """Return the (before, after) padding of each spatial axis, from `pad_type` and `pad`.

    By default `pad_type` is valid, without padding, and `pad` is 0.

    Args:
        arguments: arguments of the convolution or pooling.
        kernel: taps along each spatial axis.

    Raises:
        NotImplementedError: `pad_type` is neither valid nor custom.
    """
    kind = arguments.text("pad_type", "valid")
    if kind == "valid":
        return [(0, 0)] * len(kernel)
    if kind != "custom":
        raise NotImplementedError(f"padding of type {kind}")
    flat = arguments.integers("pad", [0] * 2 * len(kernel))
    return list(zip(flat[::2], flat[1::2], strict=True))


def padded(x: Any, sides: Sides, fill: Any) -> Any:
    """Pad (N, C, spatial axes …) with a number; return it unchanged if there is no padding.

    `sides` are (before, after) of each spatial axis, in elements; `fill` has the element type of x.
    """
    if not any(map(any, sides)):
        return x
    amounts = [0, 0, 0, 0, *(side for pair in sides for side in pair)]
    return ai.pad(x, np.asarray(amounts, np.uint32), constant(fill))


def in_plane(x: Any, kernel: Sequence[int]) -> Any:
    """Turn (N, C, L) into (N, C, 1, L) for a window of one spatial axis: Core AI has no 1D windows.

    `kernel` is the window's taps, of which only their number counts; with more than one axis x is
    returned unchanged.
    """
    return ai.expand_dims(x, np.asarray([2], np.int32)) if len(kernel) == 1 else x
