"""Select calibration images that cover the ranges of all activations.

Ranges are minima and maxima, so an image matters if it holds the lowest or highest value of a
channel. Each image is run on at most three patches. Only the record of each channel and the index
of the image that holds it are kept, so memory does not grow with the number of images. The images
with the most records are selected, plus evenly spaced others as typical images. All of them
determine the ranges. Only the typical ones train: weights rounded for extreme images serve ordinary
photographs worse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.quantize.calibration.calibrate import ChannelWatcher

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

RECORDS = 0.75
"""Share of the selected images that are record holders; the rest are evenly spaced."""

SIDE = 96


@dataclass(frozen=True)
class Chosen:
    """Indices of the selected calibration images.

    Attributes:
        positions: indices of all selected images, ascending.
        extremes: subset of `positions` selected for extreme activations.
    """

    positions: tuple[int, ...]
    extremes: frozenset[int] = frozenset()


def covering_images(
    model: ir.Model,
    images: Iterable[NDArray[np.uint8]],
    peak: float,
    max_images: int,
    size: tuple[int, int] | None = None,
) -> Chosen:
    """Select at most `max_images` images that cover the activation ranges.

    Three quarters hold most of the channels' lowest and highest values, the others are evenly
    spaced. If there are no more than `max_images` images, all are selected and none counts as
    extreme. Indices count from 0, in the order of `images`. The choice is the same at every call.

    Args:
        model: float graph.
        images: uint8 (H, W, C) network inputs, consumed one at a time.
        peak: float value of pixel 255.
        max_images: largest number of images to select.
        size: fixed input height and width of the network; None if it takes any.

    Raises:
        NonFiniteOutputError: an activation is NaN or infinite.
        ModelError: the graph does not run on an image.
    """
    watcher = ChannelWatcher(model, peak)
    lowest: Values | None = None
    highest: Values | None = None
    holders: NDArray[np.int64] = np.zeros(0, np.int64)
    count = 0
    for index, pixels in enumerate(images):
        count += 1
        for patch in _patches(pixels, size):
            low, high = _ends(watcher, patch)
            if lowest is None or highest is None:
                lowest, highest = low, high
                holders = np.zeros(2 * len(low), np.int64)
            holders[np.concatenate([low < lowest, high > highest])] = index
            lowest, highest = np.minimum(lowest, low), np.maximum(highest, high)
    return _chosen(Counter(holders.tolist()), count, max_images)


def _chosen(records: Counter[int], count: int, max_images: int) -> Chosen:
    if count <= max_images:
        return Chosen(tuple(range(count)))
    ranked = [index for index, _ in records.most_common(round(max_images * RECORDS))]
    others = [index for index in range(count) if index not in set(ranked)]
    evenly_spaced = np.linspace(0, len(others) - 1, max_images - len(ranked)).round().astype(int)
    positions = tuple(sorted({*ranked, *(others[position] for position in evenly_spaced)}))
    return Chosen(positions, frozenset(ranked))


def _ends(watcher: ChannelWatcher, patch: NDArray[np.uint8]) -> tuple[Values, Values]:
    observed = watcher.ranges(patch).values()
    low, high = ([getattr(r, end).reshape(-1) for r in observed] for end in ("low", "high"))
    return np.concatenate(low), np.concatenate(high)


def _patches(
    pixels: NDArray[np.uint8], size: tuple[int, int] | None
) -> Iterator[NDArray[np.uint8]]:
    """Yield the brightest, the darkest and the highest-variance patch of an image.

    Small images, and those of networks with a fixed input size, are yielded whole.
    """
    if size is not None or min(pixels.shape[:2]) < 2 * SIDE:
        yield pixels
        return
    rows, columns = (length // SIDE for length in pixels.shape[:2])
    cut = pixels[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, -1)
    patches = cut.transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1).astype(np.float32)
    means, spreads = patches.mean(axis=1), patches.std(axis=1)
    for position in dict.fromkeys([means.argmax(), means.argmin(), spreads.argmax()]):
        row, column = divmod(int(position), columns)
        top, left = row * SIDE, column * SIDE
        yield pixels[top : top + SIDE, left : left + SIDE]
