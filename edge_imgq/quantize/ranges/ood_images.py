"""Synthetic out-of-distribution images: print, graphics and hard light.

They are drawn: strokes like printed text, discs and slanted edges of full contrast, patches of
saturated colour, points of light on black. Each is a ground truth and is degraded as the task
defines, like photographs, because convolutional networks respond with arbitrarily large activations
to inputs they were not trained for: bars one pixel wide drive `deblur-slim` sixty times as far as a
photograph; the same bars, blurred, no further than some photographs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.contract import ImageContract
from edge_imgq.images.degrade import degrade_for
from edge_imgq.images.port_samples import with_ports
from edge_imgq.images.samples import UNKNOWN_TASKS
from edge_imgq.scale import scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Drawing = NDArray[np.float64]
    Draw = Callable[[tuple[int, int], np.random.Generator], Drawing]

SEED = 0
WHITE = 255

CELL = 96
"""Side of a drawing in output pixels."""

BAR = 6
"""Width of the bars in pixels."""

POINTS = 1 / 150
"""Share of the pixels that are points of light."""

ENDS = (0.01, 0.99)
"""Quantiles of a photograph that are mapped to black and white."""

MIN_CONTRAST = 1 / 16
"""Least contrast that is stretched to the full range: a flat patch would be only noise."""


@dataclass(frozen=True)
class StressImage:
    """A network input and its ground truth.

    Attributes:
        pixels: uint8 (H, W, C).
        truth: uint8 (H × scale, W × scale, C); None if the task is unknown.
    """

    pixels: Pixels
    truth: Pixels | None


def stress_images(contract: ImageContract, size: tuple[int, int]) -> list[StressImage]:
    """Draw print, discs, edges, ramps, bars, points of light and patches as network inputs.

    Each of the eleven drawings occurs at least once, in cells of 96 × 96 output pixels; large
    images repeat them. Inputs are degraded as the task defines. The result is the same at every
    call.

    Args:
        contract: pixel contract of the network.
        size: height and width of the inputs.

    Returns:
        As many images as hold all drawings, uint8, with their truths if the task is known.
    """
    generator = np.random.default_rng(SEED)
    known = contract.task not in UNKNOWN_TASKS
    unit = contract.scale if known else contract.photo_unit
    height, width = (scaled(length, unit) for length in size)
    kinds, images = itertools.cycle(DRAWINGS.values()), []
    for _ in range(-(-len(DRAWINGS) // (max(height // CELL, 1) * max(width // CELL, 1)))):
        drawn = np.zeros((height, width, 3))
        for top, left in itertools.product(range(0, height, CELL), range(0, width, CELL)):
            cell = drawn[top : top + CELL, left : left + CELL]
            cell[:] = _with_colours(next(kinds)((cell.shape[0], cell.shape[1]), generator))
        channels = 1 if contract.colour == "y" else 3
        shown = _degraded(_pixels(drawn, channels), contract, generator)
        images.append(replace(shown, pixels=with_ports(shown.pixels, contract, generator, {})))
    return images


def _degraded(
    truth: Pixels, contract: ImageContract, generator: np.random.Generator
) -> StressImage:
    if contract.task in UNKNOWN_TASKS or contract.result is not None:
        return StressImage(truth, None)
    degrade = degrade_for(contract.task, contract.scale)
    return StressImage(degrade(truth, generator), truth)


def _with_colours(drawn: Drawing) -> Drawing:
    return drawn if drawn.ndim == 3 else drawn[..., np.newaxis]


def _pixels(drawn: Drawing, channels: int) -> Pixels:
    """Convert colours (H, W, 3) in [0, 1] to uint8 pixels, of one channel by their mean."""
    values = drawn if channels == 3 else drawn.mean(axis=2, keepdims=True)
    pixels: Pixels = np.rint(values * WHITE).astype(np.uint8)
    return pixels


def _print(size: tuple[int, int], generator: np.random.Generator) -> Drawing:
    """Strokes of one or two pixels in lines, black on white."""
    page = np.ones(size)
    top = 4
    while top < size[0] - 10:
        height, left = int(generator.integers(5, 12)), 3
        while left < size[1] - 8:
            width = int(generator.integers(3, 8))
            _letter(page[top : top + height, left : left + width], generator)
            left += width + 2
        top += height + 4
    return page


def _letter(box: Drawing, generator: np.random.Generator) -> None:
    for _ in range(3):
        axis = int(generator.integers(2))
        start, width = int(generator.integers(box.shape[axis])), int(generator.integers(1, 3))
        np.moveaxis(box, axis, 0)[start : start + width] = 0


def _disc(size: tuple[int, int], generator: np.random.Generator) -> Drawing:  # noqa: ARG001
    y, x = (np.arange(length) - length / 2 for length in size)
    inside: NDArray[np.bool_] = np.hypot(y[:, np.newaxis], x) < min(size) / 3
    return inside.astype(np.float64)


def _edge(size: tuple[int, int], generator: np.random.Generator) -> Drawing:  # noqa: ARG001
    y, x = np.indices(size)
    return (y * size[1] > x * size[0]).astype(np.float64)


def _ramp(size: tuple[int, int], generator: np.random.Generator) -> Drawing:  # noqa: ARG001
    across: Drawing = np.linspace(0, 1, size[1], dtype=np.float64)
    return np.broadcast_to(across, size)


def _bars(size: tuple[int, int], generator: np.random.Generator) -> Drawing:  # noqa: ARG001
    y, x = np.indices(size)
    return ((x + y) // BAR % 2).astype(np.float64)


def _points(size: tuple[int, int], generator: np.random.Generator) -> Drawing:
    return (generator.random(size) < POINTS).astype(np.float64)


def _patches(side: int) -> Draw:
    def draw(size: tuple[int, int], generator: np.random.Generator) -> Drawing:
        rows, columns = (-(-length // side) for length in size)
        colours = generator.integers(0, 2, (rows, columns, 3)).astype(np.float64)
        return colours.repeat(side, 0).repeat(side, 1)[: size[0], : size[1]]

    return draw


def _inverted(draw: Draw) -> Draw:
    return lambda size, generator: 1 - draw(size, generator)


DRAWINGS: Mapping[str, Draw] = {
    "print": _print,
    "print on black": _inverted(_print),
    "disc": _disc,
    "hole": _inverted(_disc),
    "edge": _edge,
    "ramp": _ramp,
    "bars": _bars,
    "points": _points,
    "points on white": _inverted(_points),
    "coarse patches": _patches(24),
    "fine patches": _patches(8),
}
"""Functions that draw (H, W) or (H, W, 3) in [0, 1], by the name of the drawing."""


def varied(patches: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """Stretch each photograph to full contrast, all its channels alike, and append the negatives.

    The quantiles 0.01 and 0.99 of a photograph become 0 and `peak`, and values beyond them are
    clipped; quantiles less than peak / 16 apart are stretched as if they were that far apart.

    Args:
        patches: float32 (N, C, H, W), 0 … peak.
        peak: float value of pixel 255.

    Returns:
        float32 (2 N, C, H, W), 0 … peak: the photographs, then their negatives in the same order.
    """
    low, high = (np.quantile(patches, share, axis=(1, 2, 3), keepdims=True) for share in ENDS)
    wide = np.maximum(high - low, MIN_CONTRAST * peak)
    stretched = ((patches - low) / wide).clip(0, 1).astype(np.float32) * np.float32(peak)
    return np.concatenate([stretched, np.float32(peak) - stretched])
