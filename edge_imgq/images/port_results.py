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
    """Return True if a network takes RGBA or RGB and returns RGBA: colours and opacity.

    That is a first output of four channels, each with a range of [0, peak] or of [-1, 1].
    """
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

    Smaller ones are enlarged by repeating values. A single output is returned itself, not copied.

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
    """Extract the outputs other than the first one, each with its port, in the contract's order.

    Each is a view of `joined` at its original size: (h, w, channels), a vector (1, 1, channels).
    The inverse of `joined_results`.

    Args:
        joined: all outputs concatenated, (H, W, all channels).
        contract: contract of the network.
    """
    outputs: list[tuple[Port, Array]] = []
    start = contract.result_channels
    for port in contract.others:
        channels: Any = joined[..., start : start + port.channels]
        start += port.channels
        if port.kind == "vector":
            outputs.append((port, channels[:1, :1]))
        else:
            outputs.append((port, channels[:: port.downscale, :: port.downscale]))
    return outputs


def first_result(joined: Array, contract: ImageContract) -> Array:
    """Extract the first output, usually a picture, from all outputs concatenated.

    A view (H, W, C) of `joined` (H, W, all channels); `joined` itself if there is one output.
    """
    if not contract.others:
        return joined
    channels: Any = joined[..., : contract.result_channels]
    first: Array = channels
    return first
