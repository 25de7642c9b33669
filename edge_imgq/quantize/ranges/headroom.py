"""Headroom: how far channels may exceed the range observed on the calibration images.

Other images drive a channel further by an unknown amount, so a channel with a gain keeps headroom
(`edge_imgq.quantize.steps.equalization`). A channel that carries the image needs little: it follows
brightness or colour, which are bounded. Such a channel is recognized by flat images of the extreme
colours, which drive it nearly as far as any photograph; channels for edges or texture stay near
zero on them. The overshoot that drawings and photographs with changed contrast add
(`edge_imgq.quantize.ranges.ood_images`) is measured too.
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
"""Range of other channels relative to the observed one."""

AT_GATES = 1.2
"""Range of other channels relative to the observed one if gates compute in float
(`edge_imgq.quantize.prepare.float_gates`). Measured on a SPAN ×4: PSNR to its float images and
drop, in dB, means of 71 photographs not used for calibration, with 2, 1.5, 1.25 and 1: 43.1 and
.16, 44.9 and .12, 45.4 and .10, 46.1 and .09; but with 1 a drawing of print loses 5 dB."""

OVERSHOOT = 1.1
"""Range of channels that carry the image, relative to that on the drawings."""

FOLLOWS = 0.75
"""A channel carries the image if flat images reach this share of its range."""


def headroom(
    original: ir.Model,
    observed: Mapping[str, ChannelRange],
    unlike: NDArray[np.float32],
    contract: ImageContract,
) -> dict[str, ChannelRange]:
    """Compute the range that each channel may reach, at most the widest observed in its tensor.

    That is twice the observed range (1.2 times if the graph has float regions with gains). A
    channel that flat images drive nearly as far as photographs carries the image, which is bounded:
    it gets the observed range or 1.1 times that on `unlike`, whichever is wider. An unused channel
    gets the widest of its tensor. Every range includes 0. If any value is NaN or infinite on
    `unlike` or on a flat image, as where an image is divided by its standard deviation, no channel
    counts as carrying the image: only values before the division would be known, and gains from
    those alone lost 2.5 dB on patches in `dped-slim-iphone`.

    Args:
        original: float graph after all rewrites, as it will be quantized.
        observed: ranges of its activations, by value name.
        unlike: images unlike the calibration set, float32 (N, C, H, W), 0 … peak.
        contract: pixel contract of the network.

    Returns:
        Ranges by value name, of the shapes in `observed`.
    """
    peak, (height, width) = contract.peak, unlike.shape[2:]
    on_drawings = observe_finite(original, (from_nchw(i[np.newaxis], peak) for i in unlike), peak)
    on_flat = observe_finite(original, _flat_images(contract.channels, (height, width)), peak)
    factor = AT_GATES if any(map(is_factor, original.graph)) else HEADROOM
    if not observed.keys() <= on_drawings.keys() & on_flat.keys():
        return {
            name: _allowed_range(factor, channels, channels, _nothing(channels))
            for name, channels in observed.items()
        }
    return {
        name: _allowed_range(factor, channels, on_drawings[name], on_flat[name])
        for name, channels in observed.items()
    }


def _flat_images(channels: int, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    for colour in product((0, 255), repeat=channels):
        yield np.full((*size, channels), colour, np.uint8)


def _nothing(like: ChannelRange) -> ChannelRange:
    return ChannelRange(np.zeros_like(like.low), np.zeros_like(like.high))


def _allowed_range(
    factor: float, observed: ChannelRange, on_drawings: ChannelRange, on_flat: ChannelRange
) -> ChannelRange:
    low = _end(factor, -observed.low, -on_drawings.low, -on_flat.low)
    high = _end(factor, observed.high, on_drawings.high, on_flat.high)
    # The range of an unused channel is unknown: allow the largest of the tensor.
    unseen = np.maximum(-observed.low, 0) + np.maximum(observed.high, 0) == 0
    return ChannelRange(-low, np.where(unseen, np.maximum(observed.high, 0).max(), high))


def _end(factor: float, observed: Ends, on_drawings: Ends, on_flat: Ends) -> Ends:
    """Compute the allowed end of the range on one side, all ends as distances from zero."""
    observed = np.maximum(observed, 0)
    enough = np.minimum(factor * observed, np.maximum(observed, OVERSHOOT * on_drawings))
    allowed: Ends = np.where(on_flat >= FOLLOWS * observed, enough, factor * observed)
    least: Ends = np.minimum(allowed, observed.max())
    return least
