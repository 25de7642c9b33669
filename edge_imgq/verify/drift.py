"""How far a file's images are from those of its references.

Three comparisons, all on 8-bit images, and a fourth for a file that ran on another device:

- `vs_reference`: the file against the float model. What the user will see.
- `quantization`: the QDQ graph against the float model. What int8 cost; the file is not involved.
- `conversion`: the file against the graph that it was lowered from. What the format cost.
- `vs_host`: the file on the device against the same file on this host. What the device changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.metrics.psnr import psnr
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

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


@dataclass(frozen=True)
class Agreement:
    """Agreement of a file on a device with the same file on this host, over all values.

    Attributes:
        psnr: in dB over all images together; IDENTICAL where nothing differs.
        equal: share of values that are equal.
        within_1: share that differ by at most one level of 255.
        largest: the largest difference, in levels.
    """

    psnr: float
    equal: float
    within_1: float
    largest: int


@dataclass(frozen=True)
class BuiltinKernels:
    """An int8 TFLite file in TFLite's own kernels, as apps without XNNPACK run it.

    Attributes:
        images: how many it was run on, the first of the evaluation.
        vs_reference: the file in these kernels against the float reference.
        xnnpack: the file in XNNPACK against the float reference, on the same images.
        agreement: of the two.
    """

    images: int
    vs_reference: Fidelity
    xnnpack: Fidelity
    agreement: Agreement


NO_BUILTIN_KERNELS = Skipped("only int8 TFLite files that XNNPACK ran here are run without it, too")


@dataclass(frozen=True)
class ImageDrift:
    """The comparisons of one image.

    Attributes:
        name: of the image.
        vs_reference: PSNR of the file's image against the float reference's.
        quantization: PSNR of the QDQ graph's image against the float reference's; None for files
            that are not quantized.
        vs_unclipped, quantization_unclipped: the same two against the float reference's values as
            they are, outside the range of pixels too; for models whose values are no picture.
        truth_reference: PSNR of the float reference's image against the truth, None without truth.
        truth_file: PSNR of the file's image against the truth, None without truth.
        differences: how many values differ from the source graph's by 0, 1, 2, … 255 levels.
        host_differences: the same against the file on this host; None where it ran here alone.
    """

    name: str
    vs_reference: float
    quantization: float | None
    vs_unclipped: float
    quantization_unclipped: float | None
    truth_reference: float | None
    truth_file: float | None
    differences: NDArray[np.int64]
    host_differences: NDArray[np.int64] | None


@dataclass(frozen=True)
class Drift:
    """All comparisons of one file over all images."""

    vs_reference: Fidelity
    drop: Drop | Skipped
    quantization: Fidelity | Skipped
    conversion: Conversion
    vs_host: Agreement | Skipped
    builtin_kernels: BuiltinKernels | Skipped = NO_BUILTIN_KERNELS


def compare(
    name: str,
    *,
    file: Pixels,
    reference: Pixels,
    quantized: Pixels | None,
    source: Pixels,
    truth: Pixels | None,
    shave: int,
    host: Pixels | None = None,
    levels: NDArray[np.float64] | None = None,
) -> ImageDrift:
    """Compare the image that a file returned with those of its references, all 8-bit (H, W, C).

    Args:
        name: of the image.
        file: what the file returned.
        reference: what the float model returned.
        quantized: what the QDQ graph returned; None for a float file.
        source: what the graph that the file was lowered from returned.
        truth: ground truth, None where there is none.
        shave: border in pixels that is left out against the truth, as the papers do.
        host: what the file returned on this host, where it ran on another device.
        levels: what the float model returned, neither rounded nor clipped; None where clipping
            takes next to nothing.

    Raises:
        ValueError: shapes differ.
    """
    against_truth = [
        None if truth is None else _decibel(truth, image, shave) for image in (reference, file)
    ]
    vs_reference = _decibel(reference, file)
    quantization = None if quantized is None else _decibel(reference, quantized)
    unclipped = vs_reference, quantization
    if levels is not None:
        unclipped = (
            _unclipped(levels, file),
            None if quantized is None else _unclipped(levels, quantized),
        )
    return ImageDrift(
        name=name,
        vs_reference=vs_reference,
        quantization=quantization,
        vs_unclipped=unclipped[0],
        quantization_unclipped=unclipped[1],
        truth_reference=against_truth[0],
        truth_file=against_truth[1],
        differences=_differences(source, file),
        host_differences=None if host is None else _differences(host, file),
    )


def summarise(images: Sequence[ImageDrift], is_picture: bool = True) -> Drift:
    """Return mean and worst image of every comparison; there is at least one image.

    Args:
        images: the comparisons.
        is_picture: whether the float model's values are a picture; else the distances to them are
            those to the values as they are, not to the pixels that clipping makes of them.
    """
    names = [image.name for image in images]
    found = [
        (image.vs_reference, image.quantization)
        if is_picture
        else (image.vs_unclipped, image.quantization_unclipped)
        for image in images
    ]
    quantization = [second for _, second in found if second is not None]
    return Drift(
        vs_reference=_fidelity(names, [first for first, _ in found]),
        drop=_drop(images),
        quantization=_fidelity(names, quantization)
        if quantization
        else Skipped("a float file has no quantization"),
        conversion=_conversion(np.sum([image.differences for image in images], axis=0)),
        vs_host=_agreement(images),
    )


def summarise_builtin(
    builtin: Sequence[ImageDrift], xnnpack: Sequence[ImageDrift]
) -> BuiltinKernels:
    """Return what TFLite's own kernels change.

    Args:
        builtin: the file in these kernels, compared with the file in XNNPACK as its source.
        xnnpack: the file in XNNPACK, on the same images.
    """
    names = [image.name for image in builtin]
    return BuiltinKernels(
        images=len(builtin),
        vs_reference=_fidelity(names, [image.vs_reference for image in builtin]),
        xnnpack=_fidelity(names, [image.vs_reference for image in xnnpack]),
        agreement=_agreed(np.sum([image.differences for image in builtin], axis=0)),
    )


def _decibel(reference: Pixels, candidate: Pixels, shave: int = 0) -> float:
    return min(psnr(reference, candidate, shave=shave), IDENTICAL)


def _unclipped(levels: NDArray[np.float64], candidate: Pixels) -> float:
    """Return the PSNR of pixels against values that lie anywhere, in dB."""
    error = float(np.mean((levels - candidate) ** 2))
    return min(10 * float(np.log10(255**2 / error)), IDENTICAL) if error else IDENTICAL


def _differences(source: Pixels, candidate: Pixels) -> NDArray[np.int64]:
    if source.shape != candidate.shape:
        raise ValueError(f"shapes differ: {source.shape} and {candidate.shape}")
    difference = np.abs(source.astype(np.int16) - candidate)
    return np.bincount(difference.reshape(-1), minlength=256).astype(np.int64)


def _fidelity(names: Sequence[str], values: Sequence[float]) -> Fidelity:
    worst = int(np.argmin(values))
    return Fidelity(float(np.mean(values)), values[worst], names[worst])


def _drop(images: Sequence[ImageDrift]) -> Drop | Skipped:
    rows = [
        (image.name, image.truth_reference, image.truth_reference - image.truth_file)
        for image in images
        if image.truth_reference is not None and image.truth_file is not None
    ]
    if not rows:
        return Skipped(
            "no ground truth for this task; give --images a folder with input/ and truth/"
        )
    worst = max(rows, key=lambda row: row[2])
    return Drop(
        mean=float(np.mean([row[2] for row in rows])),
        worst=worst[2],
        worst_image=worst[0],
        reference_psnr=float(np.mean([row[1] for row in rows])),
    )


def _conversion(histogram: NDArray[np.int64]) -> Conversion:
    total = int(histogram.sum())
    return Conversion(
        equal=float(histogram[0] / total),
        within_1=float(histogram[:2].sum() / total),
        largest=int(np.flatnonzero(histogram).max()),
    )


def _agreement(images: Sequence[ImageDrift]) -> Agreement | Skipped:
    found = [image.host_differences for image in images if image.host_differences is not None]
    if not found:
        return Skipped("the file ran on this host alone")
    return _agreed(np.sum(found, axis=0))


def _agreed(histogram: NDArray[np.int64]) -> Agreement:
    error = float(np.dot(histogram, np.arange(256.0) ** 2) / histogram.sum())
    decibel = IDENTICAL if error == 0 else min(10 * np.log10(255**2 / error), IDENTICAL)
    shares = _conversion(histogram)
    return Agreement(float(decibel), shares.equal, shares.within_1, shares.largest)
