"""Measure the distance of a file's images from those of its references.

Four comparisons, all on 8-bit images; the last only for a file that ran on another device:

- `vs_reference`: file against float model; the difference that users see.
- `quantization`: QDQ graph against float model; the cost of int8, without the file.
- `conversion`: file against the graph that it was lowered from; the cost of the format.
- `vs_host`: file on the device against the same file on this host; the effect of the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.layout import pixels_of
from edge_imgq.metrics.psnr import psnr
from edge_imgq.quantize.error_model.level_gain import NEARLY_ITS_GRAPH, LevelGain
from edge_imgq.skipped import Skipped
from edge_imgq.verify.mean_error import ErrorSums, MeanError, error_sums
from edge_imgq.verify.port_error import A_PICTURE, OutputSums, PortError, PortSums, port_sums

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.ports import Port

    Pixels: TypeAlias = NDArray[np.uint8]

WHITE, HALF = 255, 0.5
"""Highest 8-bit level, and the largest distance beyond the range that rounding removes."""
AS_ITS_GRAPH = 0.99
"""Least share of values within one level at which a file counts as equal to its graph."""

IDENTICAL = 100.0
"""PSNR in dB assigned to identical images in a mean; 8-bit images that differ by one level in one
value of a million have 108."""


@dataclass(frozen=True)
class Fidelity:
    """PSNR of a set of images against another, in dB; identical images count as IDENTICAL.

    Attributes:
        mean: mean over the images.
        worst: lowest PSNR of an image.
        worst_image: name of that image.
    """

    mean: float
    worst: float
    worst_image: str


@dataclass(frozen=True)
class Drop:
    """PSNR(truth, float reference) − PSNR(truth, file), in dB; positive is a loss.

    Attributes:
        mean: mean over the images.
        worst: largest loss on an image.
        worst_image: name of that image.
        reference_psnr: mean PSNR of the float reference against the truth.
        input_psnr: mean PSNR of the input against the truth, upscaled by bicubic interpolation for
            super-resolution: the result without a network.
    """

    mean: float
    worst: float
    worst_image: str
    reference_psnr: float
    input_psnr: float

    @property
    def psnr(self) -> float:
        """Mean PSNR of the file against the truth, in dB."""
        return self.reference_psnr - self.mean


@dataclass(frozen=True)
class Conversion:
    """Agreement of a file with the graph that it was lowered from, over all values of all images.

    Attributes:
        equal: share of values that are equal, 0 … 1.
        within_1: share that differ by at most one level of 255.
        largest: largest difference, in levels.
    """

    equal: float
    within_1: float
    largest: int


@dataclass(frozen=True)
class Agreement:
    """Agreement of a file on a device with the same file on this host, over all values.

    Attributes:
        psnr: PSNR in dB over all images together; IDENTICAL if nothing differs.
        equal: share of values that are equal, 0 … 1.
        within_1: share that differ by at most one level of 255.
        largest: largest difference, in levels.
    """

    psnr: float
    equal: float
    within_1: float
    largest: int


@dataclass(frozen=True)
class BuiltinKernels:
    """Drift of an int8 TFLite file in TFLite's built-in kernels, as in apps without XNNPACK.

    Attributes:
        images: number of images it ran on, the first ones of the evaluation set.
        vs_reference: file in built-in kernels against the float reference.
        xnnpack: file in XNNPACK against the float reference, on the same images.
        agreement: built-in kernels against XNNPACK.
    """

    images: int
    vs_reference: Fidelity
    xnnpack: Fidelity
    agreement: Agreement


NO_BUILTIN_KERNELS = Skipped("only int8 TFLite files that XNNPACK ran here are run without it, too")


@dataclass(frozen=True)
class ImageDrift:
    """The comparisons of one image; PSNR in dB.

    Attributes:
        name: name of the image.
        vs_reference: PSNR of the file's image against the float reference's.
        quantization: PSNR of the QDQ graph's image against the float reference's; None for float
            files.
        vs_unclipped, quantization_unclipped: the same two against the float reference's unclipped
            values, for models whose values are no picture.
        truth_reference: PSNR of the float reference's image against the truth; None without truth.
        truth_file: PSNR of the file's image against the truth; None without truth.
        truth_input: PSNR of the input against the truth; None without truth.
        errors: summed signed errors of the file against the float reference.
        differences: histogram (256,) of absolute differences from the source graph, in levels.
        host_differences: the same against the file on this host; None if it ran on this host only.
        numbers: errors of an output that is not a picture; None for a picture.
        others: comparisons of the further outputs.
        growth: PSNR of the file's picture against the float model's after each reported number of
            frames; empty for a network without states.
    """

    name: str
    vs_reference: float
    quantization: float | None
    vs_unclipped: float
    quantization_unclipped: float | None
    truth_reference: float | None
    truth_file: float | None
    truth_input: float | None
    errors: ErrorSums
    differences: NDArray[np.int64]
    host_differences: NDArray[np.int64] | None
    numbers: PortSums | None = None
    others: tuple[OutputSums, ...] = ()
    growth: tuple[float, ...] = ()

    @property
    def drop(self) -> float | None:
        """PSNR loss of the file against the truth, in dB; None without truth."""
        if self.truth_reference is None or self.truth_file is None:
            return None
        return self.truth_reference - self.truth_file


@dataclass(frozen=True)
class ImageFigures:
    """The figures of one image in a report.

    Attributes:
        name: name of the image.
        vs_reference: PSNR of the file's image against the float reference's, in dB.
        drop: PSNR loss of the file against the truth, in dB; None without truth.
    """

    name: str
    vs_reference: float
    drop: float | None


@dataclass(frozen=True)
class OutputDrift:
    """Drift of a further output against the float model.

    Attributes:
        kind: "image", "plane", "vector" or "state".
        vs_reference: PSNR in dB: of pixels for an image, else of unrounded levels of the port's
            range.
        numbers: errors in the output's own unit; for an image, of its 8-bit pixels.
        beyond: share of the float model's values outside the range, 0 … 1.
    """

    kind: str
    vs_reference: Fidelity
    numbers: PortError
    beyond: float


@dataclass(frozen=True)
class FrameDrift:
    """Drift of a recurrent network after some frames.

    Attributes:
        frames: number of frames processed.
        vs_reference: PSNR of the picture against the float model's, in dB, mean over the images.
    """

    frames: int
    vs_reference: float


@dataclass(frozen=True)
class Drift:
    """All comparisons of one file over all images."""

    vs_reference: Fidelity
    drop: Drop | Skipped
    quantization: Fidelity | Skipped
    conversion: Conversion
    vs_host: Agreement | Skipped
    mean_error: MeanError
    images: tuple[ImageFigures, ...]
    builtin_kernels: BuiltinKernels | Skipped = NO_BUILTIN_KERNELS
    numbers: PortError | Skipped = A_PICTURE
    others: tuple[OutputDrift, ...] = ()
    amplified: LevelGain | Skipped = NEARLY_ITS_GRAPH
    growth: tuple[FrameDrift, ...] = ()


def compare(
    name: str,
    *,
    file: Pixels,
    reference: Pixels,
    quantized: Pixels | None,
    source: Pixels,
    truth: Pixels | None,
    shave: int,
    untreated: Pixels | None = None,
    host: Pixels | None = None,
    levels: NDArray[np.float64] | None = None,
) -> ImageDrift:
    """Compare a file's image with those of its references; all are uint8 (H, W, C).

    Args:
        name: name of the image.
        file: output of the file.
        reference: output of the float model.
        quantized: output of the QDQ graph; None for a float file.
        source: output of the graph that the file was lowered from.
        truth: ground truth; None if there is none.
        shave: border in pixels excluded from comparisons with the truth, as in the papers.
        untreated: input, resized to the truth's size; None without truth.
        host: output of the file on this host, if it ran on another device.
        levels: output of the float model in levels of 255, float64, neither rounded nor clipped;
            None if clipping is negligible.

    Raises:
        ValueError: shapes differ.
    """
    against_truth = [
        None if truth is None or image is None else _decibel(truth, image, shave)
        for image in (reference, file, untreated)
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
        truth_input=against_truth[2],
        differences=_differences(source, file),
        errors=error_sums(reference, file),
        host_differences=None if host is None else _differences(host, file),
    )


def compare_other(
    port: Port, file: NDArray[np.float64], reference: NDArray[np.float64]
) -> OutputSums:
    """Compare a further output of a file with that of the float model.

    Args:
        port: port of the output.
        file: output of the file, float64 (H, W, C), with the port's range mapped to 0 … 255.
        reference: output of the float model, likewise.

    Raises:
        ValueError: shapes differ.
    """
    beyond = float(np.mean((reference < -HALF) | (reference > WHITE + HALF)))
    if port.kind == "image":  # as pixels, both end at black and at white
        reference, file = (pixels_of(levels).astype(np.float64) for levels in (reference, file))
    decibel = _unclipped(reference, file)
    return OutputSums(port, decibel, port_sums(port, reference, file), beyond)


def picture_psnr(reference: Pixels, file: Pixels) -> float:
    """Return the PSNR in dB of two uint8 pictures (H, W, C); IDENTICAL if they are equal.

    Raises:
        ValueError: shapes differ.
    """
    return _decibel(reference, file)


def _decibel(reference: Pixels, candidate: Pixels, shave: int = 0) -> float:
    return min(psnr(reference, candidate, shave=shave), IDENTICAL)


def _unclipped(levels: NDArray[np.float64], candidate: Pixels | NDArray[np.float64]) -> float:
    """Return the PSNR of pixels or levels against unclipped levels, in dB; IDENTICAL if equal."""
    error = float(np.mean((levels - candidate) ** 2))
    return min(10 * float(np.log10(255**2 / error)), IDENTICAL) if error else IDENTICAL


def _differences(source: Pixels, candidate: Pixels) -> NDArray[np.int64]:
    if source.shape != candidate.shape:
        raise ValueError(f"shapes differ: {source.shape} and {candidate.shape}")
    difference = np.abs(source.astype(np.int16) - candidate)
    return np.bincount(difference.reshape(-1), minlength=256).astype(np.int64)
