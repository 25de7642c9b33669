"""How far the channels of activations may come to reach beyond what the calibration images showed.

Other images take a channel farther, nobody knows how far; so a channel that got a gain keeps room
above what was seen (`edge_imgq.quantize.steps.equalization`). A channel that carries the image
needs
little: it follows brightness or colour, and no image is whiter than white. It is told by flat
images of the extreme colours, which take it nearly as far as any photograph, while an edge or a
texture makes nothing of them. What drawings and photographs in other contrast add to that
(`edge_imgq.quantize.ranges.ood_images`), overshoot beside edges, is seen as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import from_nchw
from edge_imgq.quantize.calibration.calibrate import observe_finite
from edge_imgq.quantize.prepare.float_region_gains import is_factor
from edge_imgq.quantize.ranges.ranges import ChannelRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ends = NDArray[np.float64]

HEADROOM = 2.0
"""Room of other channels, in parts of what was seen."""

AT_GATES = 1.2
"""The same where gates compute in float (`edge_imgq.quantize.prepare.float_gates`). A SPAN ×4, dB
to its float images and drop, means of 71 photographs that no range comes from, with 2, 1.5, 1.25
and 1: 43.1 and .16, 44.9 and .12, 45.4 and .10, 46.1 and .09; but with 1 a drawing of print is 5 dB
farther."""

OVERSHOOT = 1.1
"""Room of channels that carry the image, in parts of what drawings reach."""

FOLLOWS = 0.75
"""Share of a channel's end that flat images reach where it carries the image."""


def headroom(
    original: ir.Model,
    seen: Mapping[str, ChannelRange],
    unlike: NDArray[np.float32],
    contract: ImageContract,
) -> dict[str, ChannelRange]:
    """Return how far channels may come to reach, none farther than the loudest has been seen.

    Where a value becomes NaN or infinite of a drawing or a flat image, as it does where an image is
    divided by its own deviation, no channel of any value counts as one that carries the image: what
    is known of the others comes from before the division, and gains by it alone lost 2.5 dB on
    patches in `dped-slim-iphone`.

    Args:
        original: float graph, rewritten as it will be quantized.
        seen: ranges of its activations, by name.
        unlike: images unlike those for calibration (N, C, H, W) in 0 … peak.
        contract: of the network.
    """
    peak, (height, width) = contract.peak, unlike.shape[2:]
    drawn = observe_finite(original, (from_nchw(i[np.newaxis], peak) for i in unlike), peak)
    flat = observe_finite(original, _flat(contract.channels, (height, width)), peak)
    most = AT_GATES if any(map(is_factor, original.graph)) else HEADROOM
    if not seen.keys() <= drawn.keys() & flat.keys():
        return {name: _room(most, found, found, _nothing(found)) for name, found in seen.items()}
    return {name: _room(most, found, drawn[name], flat[name]) for name, found in seen.items()}


def _flat(channels: int, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    for colour in product((0, 255), repeat=channels):
        yield np.full((*size, channels), colour, np.uint8)


def _nothing(like: ChannelRange) -> ChannelRange:
    return ChannelRange(np.zeros_like(like.low), np.zeros_like(like.high))


def _room(most: float, seen: ChannelRange, drawn: ChannelRange, flat: ChannelRange) -> ChannelRange:
    low = _end(most, -seen.low, -drawn.low, -flat.low)
    high = _end(most, seen.high, drawn.high, flat.high)
    # A channel that nobody has seen yet may do anything.
    unseen = np.maximum(-seen.low, 0) + np.maximum(seen.high, 0) == 0
    return ChannelRange(-low, np.where(unseen, np.maximum(seen.high, 0).max(), high))


def _end(most: float, seen: Ends, drawn: Ends, flat: Ends) -> Ends:
    """Return the room on one side, all ends counted from zero."""
    seen = np.maximum(seen, 0)
    enough = np.minimum(most * seen, np.maximum(seen, OVERSHOOT * drawn))
    room: Ends = np.where(flat >= FOLLOWS * seen, enough, most * seen)
    least: Ends = np.minimum(room, seen.max())
    return least
