"""Choosing, out of any number of images, those that take the activations farthest.

Ranges are minimum and maximum, so an image counts that holds the lowest or the highest value of
some channel. Each image is watched on a patch or two; of every channel only the record and who
holds it are kept, so memory does not grow with the number of images. Chosen are the holders of most
records, and others in equal distances, which are like the rest. Ranges come from all of them. What
is learned comes from those that are like the rest: the others are what they were chosen for, and
weights that were rounded for them serve ordinary photographs worse.
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
"""Share of the chosen images that hold records; the rest are taken in equal distances."""

SIDE = 96


@dataclass(frozen=True)
class Chosen:
    """Images chosen out of many.

    Attributes:
        places: positions of all that were chosen, in their order.
        extremes: which of these were chosen for how far they reach.
    """

    places: tuple[int, ...]
    extremes: frozenset[int] = frozenset()


def covering_images(
    model: ir.Model,
    images: Iterable[NDArray[np.uint8]],
    peak: float,
    most: int,
    size: tuple[int, int] | None = None,
) -> Chosen:
    """Choose at most `most` images; all of them, none for its extremes, where there are no more.

    Args:
        model: float graph.
        images: 8-bit (H, W, C) network inputs; consumed one at a time.
        peak: float value of pixel 255.
        most: number of images wanted.
        size: height and width that the network insists on; None when it takes any.
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
    return _chosen(Counter(holders.tolist()), count, most)


def _chosen(records: Counter[int], count: int, most: int) -> Chosen:
    if count <= most:
        return Chosen(tuple(range(count)))
    ranked = [index for index, _ in records.most_common(round(most * RECORDS))]
    others = [index for index in range(count) if index not in set(ranked)]
    spread = np.linspace(0, len(others) - 1, most - len(ranked)).round().astype(int)
    places = tuple(sorted({*ranked, *(others[place] for place in spread)}))
    return Chosen(places, frozenset(ranked))


def _ends(watcher: ChannelWatcher, patch: NDArray[np.uint8]) -> tuple[Values, Values]:
    seen = watcher.ranges(patch).values()
    low, high = ([getattr(r, end).reshape(-1) for r in seen] for end in ("low", "high"))
    return np.concatenate(low), np.concatenate(high)


def _patches(
    pixels: NDArray[np.uint8], size: tuple[int, int] | None
) -> Iterator[NDArray[np.uint8]]:
    """Yield the patches of an image that hold its extremes: brightest, darkest, busiest."""
    if size is not None or min(pixels.shape[:2]) < 2 * SIDE:
        yield pixels
        return
    rows, columns = (length // SIDE for length in pixels.shape[:2])
    cut = pixels[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, -1)
    patches = cut.transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1).astype(np.float32)
    means, spreads = patches.mean(axis=1), patches.std(axis=1)
    for place in dict.fromkeys([means.argmax(), means.argmin(), spreads.argmax()]):
        row, column = divmod(int(place), columns)
        top, left = row * SIDE, column * SIDE
        yield pixels[top : top + SIDE, left : left + SIDE]
