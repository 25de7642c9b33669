"""Join all outputs of a network in one array: first the picture's channels, then the others'.

Code that compares or joins images thus handles networks of several outputs. Smaller outputs and
vectors are repeated to the picture's height and width.
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


def returns_rgba(contract: ImageContract) -> bool:
    """Return True if a network takes RGBA or RGB and returns RGBA: colours and opacity."""
    result = contract.result
    if not takes_colours(contract) or result is None:
        return False
    ends = (set(result.low), set(result.high))
    is_pixels = ends in (({0.0}, {contract.peak}), ({-1.0}, {1.0}))
    return (result.kind, result.channels) == ("plane", len("rgba")) and is_pixels


def takes_colours(contract: ImageContract) -> bool:
    """Return True if a network takes one RGBA image, or an RGB one that it does not shrink."""
    if contract.layout == "image":
        return contract.colour == "rgb" and contract.scale >= 1
    return contract.layout == "rgba" and contract.frames == 1


def joined_results(results: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Concatenate all outputs along the channels, (1, C, H, W) of the first one's height and width.

    Smaller ones are repeated. A single output is returned itself.

    Args:
        results: outputs (1, C, H, W), vectors as (1, C, 1, 1); the first one's height and width are
            multiples of the others'.
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
    """Extract the outputs other than the first one, each (H, W, C) at its original size.

    They are views, in the order of the contract.

    Args:
        joined: all outputs concatenated, (H, W, C).
        contract: contract of the network.
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
    """Extract the first output, a picture or its replacement, from all outputs concatenated.

    A view (H, W, C) of `joined` (H, W, all channels).
    """
    if not contract.others:
        return joined
    first: Any = joined[..., : contract.result_channels]
    alone: Array = first
    return alone
