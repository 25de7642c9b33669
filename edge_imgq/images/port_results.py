"""One array for all that a network returns: the picture's channels, then those of each other port.

So whatever compares or joins images handles networks of several outputs. What is a part of the
picture's height and width has each number as often as it takes to fill them, and so has what holds
numbers of a whole image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.ports import Port

    Array = TypeVar("Array", bound=NDArray[Any])

HEIGHT, WIDTH = 2, 3
"""Axes of (N, C, H, W)."""


def joined_results(results: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return all results of a network side by side, (1, C, H, W) of the first one's sides.

    Args:
        results: (1, C, H, W) each, the first one's sides whole multiples of the others'.
    """
    first, *others = results
    if not others:
        return first
    return np.concatenate([first, *(_enlarged(other, first.shape) for other in others)], axis=1)


def _enlarged(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    for axis in (HEIGHT, WIDTH):
        values = np.repeat(values, shape[axis] // values.shape[axis], axis)
    return values


def other_results(joined: Array, contract: ImageContract) -> list[tuple[Port, Array]]:
    """Return what a network returns beside the picture, each (H, W, C) of its own size.

    Args:
        joined: all results side by side, (H, W, C).
        contract: of the network.
    """
    found: list[tuple[Port, Array]] = []
    start = contract.result_channels
    for port in contract.others:
        part: Any = joined[..., start : start + port.channels]
        start += port.channels
        if port.kind == "vector":
            found.append((port, part[:1, :1]))
        else:
            found.append((port, part[:: port.parts, :: port.parts]))
    return found


def first_result(joined: Array, contract: ImageContract) -> Array:
    """Return the picture, or what a network returns in its place, of all results side by side."""
    if not contract.others:
        return joined
    first: Any = joined[..., : contract.result_channels]
    alone: Array = first
    return alone
