"""Degradations that turn a photograph into a network's input, by task.

Each is a function of uint8 pixels (H, W, C) and a `numpy.random.Generator`; the same generator
state gives the same result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import UsageError
from edge_imgq.images.blur import Defocus, MotionBlur
from edge_imgq.images.jpeg import JpegCompression
from edge_imgq.images.noise import GaussianNoise, PoissonNoise
from edge_imgq.images.phone import PhoneCamera
from edge_imgq.images.resize import downscale
from edge_imgq.scale import Scale
from edge_imgq.wording import no_such

if TYPE_CHECKING:
    from numpy.typing import NDArray

Degradation = Callable[["NDArray[np.uint8]", np.random.Generator], "NDArray[np.uint8]"]


@dataclass(frozen=True)
class BicubicDownscale:
    """Shrink with antialiased bicubic, as MATLAB's `imresize` does; the generator is not used.

    Attributes:
        scale: factor by which both sides are divided.
    """

    scale: Scale

    def __call__(
        self,
        pixels: NDArray[np.uint8],
        rng: np.random.Generator,  # noqa: ARG002 - every degradation takes one
    ) -> NDArray[np.uint8]:
        """Return (H // scale, W // scale, C), uint8."""
        return downscale(pixels, self.scale)


@dataclass(frozen=True)
class Chain:
    """Apply several degradations in order, all with the same generator.

    Attributes:
        pieces: degradations, the first to be applied first.
    """

    pieces: tuple[Degradation, ...]

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the result of the last degradation."""
        for piece in self.pieces:
            pixels = piece(pixels, rng)
        return pixels


PIECES: dict[str, Callable[[], Degradation]] = {
    "defocus": Defocus,
    "motion": MotionBlur,
    "photons": PoissonNoise,
    "noise": lambda: GaussianNoise((0.0, 10.0)),
    "phone": PhoneCamera,
    "jpeg": JpegCompression,
}
"""Degradations that an input can have in addition to that of its task."""

ON_COLOUR = frozenset({"phone"})
"""Degradations that need an RGB image."""


def degrade_for(task: str, scale: Scale, then: tuple[str, ...] = ()) -> Degradation:
    """Return the degradation that a network of this task and scale reverses.

    The result is a function of uint8 pixels (H, W, C) and a `numpy.random.Generator` that returns
    uint8 (H, W, C), or (H // scale, W // scale, C) for "super-resolution". "photo-enhancement"
    needs RGB.

    Args:
        task: "super-resolution", "photo-enhancement", "deblur", "jpeg" or "denoise".
        scale: output height over input height of the network; used by "super-resolution" only.
        then: keys of `PIECES`, applied afterwards in this order.

    Raises:
        UsageError: the task has no degradation, or a key does not exist.
    """
    table: dict[str, Callable[[], Degradation]] = {
        "super-resolution": lambda: BicubicDownscale(scale),
        "photo-enhancement": PhoneCamera,
        "deblur": MotionBlur,
        "jpeg": JpegCompression,
        "denoise": GaussianNoise,
    }
    if task not in table:
        raise UsageError(f"There is no degradation for {task!r}; tasks are {', '.join(table)}.")
    for piece in then:
        if piece not in PIECES:
            raise UsageError(no_such("degradation", piece, PIECES))
    return Chain((table[task](), *(PIECES[piece]() for piece in then)))
