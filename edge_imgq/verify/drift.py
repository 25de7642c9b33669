"""How far a file's images are from those of its references.

Three comparisons, all on 8-bit images:

- `vs_reference`: the file against the float model. What the user will see.
- `quantization`: the QDQ graph against the float model. What int8 cost; the file is not involved.
- `conversion`: the file against the graph that it was lowered from. What the format cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.metrics.psnr import psnr

if TYPE_CHECKING:
    from numpy.typing import NDArray

IDENTICAL = 100.0
"""PSNR that identical images count as in a mean, in dB; 8-bit images that differ in one value of a
million reach 108."""


@dataclass(frozen=True)
class Fidelity:
    """PSNR of one set of images against another, in dB; identical images count as IDENTICAL.

    Attributes:
        mean: over the images.
        worst: the lowest.
        worst_image: name of that image.
    """

    mean: float
    worst: float
    worst_image: str


@dataclass(frozen=True)
class Drop:
    """PSNR(truth, float reference) − PSNR(truth, file), in dB; positive is a loss.

    Attributes:
        mean: over the images.
        worst: the highest.
        worst_image: name of that image.
        reference_psnr: mean PSNR of the float reference against the truth.
    """

    mean: float
    worst: float
    worst_image: str
    reference_psnr: float


@dataclass(frozen=True)
class Conversion:
    """Agreement of a file with the graph that it was lowered from, over all values of all images.

    Attributes:
        equal: share of values that are equal.
        within_1: share that differ by at most one level of 255.
        largest: the largest difference, in levels.
    """

    equal: float
    within_1: float
    largest: int


def fidelity(
    names: Sequence[str],
    references: Sequence[NDArray[np.uint8]],
    candidates: Sequence[NDArray[np.uint8]],
) -> Fidelity:
    """Compare images with their references; PSNR over whole images, all channels."""
    values = [
        min(psnr(reference, candidate), IDENTICAL)
        for reference, candidate in zip(references, candidates, strict=True)
    ]
    worst = int(np.argmin(values))
    return Fidelity(float(np.mean(values)), values[worst], names[worst])


def drop(
    names: Sequence[str],
    truths: Sequence[NDArray[np.uint8]],
    references: Sequence[NDArray[np.uint8]],
    candidates: Sequence[NDArray[np.uint8]],
    shave: int,
) -> Drop:
    """Return what the candidates lose against the truth that the float references do not.

    Args:
        names: one per image.
        truths: ground truth, 8-bit.
        references: outputs of the float model, 8-bit.
        candidates: outputs of the file, 8-bit.
        shave: border in pixels that the papers' protocol leaves out.
    """
    before = [psnr(t, r, shave=shave) for t, r in zip(truths, references, strict=True)]
    after = [psnr(t, c, shave=shave) for t, c in zip(truths, candidates, strict=True)]
    lost = [
        0.0 if math.isinf(b) and math.isinf(a) else min(b, IDENTICAL) - min(a, IDENTICAL)
        for b, a in zip(before, after, strict=True)
    ]
    worst = int(np.argmax(lost))
    return Drop(float(np.mean(lost)), lost[worst], names[worst], float(np.mean(before)))


def conversion(
    sources: Sequence[NDArray[np.uint8]], candidates: Sequence[NDArray[np.uint8]]
) -> Conversion:
    """Compare a file's images with those of the graph that it was lowered from."""
    histogram = np.zeros(256, np.int64)
    for source, candidate in zip(sources, candidates, strict=True):
        if source.shape != candidate.shape:
            raise ValueError(f"shapes differ: {source.shape} and {candidate.shape}")
        difference = np.abs(source.astype(np.int16) - candidate)
        histogram += np.bincount(difference.reshape(-1), minlength=256)
    total = int(histogram.sum())
    return Conversion(
        equal=float(histogram[0] / total),
        within_1=float(histogram[:2].sum() / total),
        largest=int(np.flatnonzero(histogram).max()),
    )
