"""How far a file's images are from those of its references.

Three comparisons, all on 8-bit images, and a fourth for a file that ran on another device:

- `vs_reference`: the file against the float model. What the user will see.
- `quantization`: the QDQ graph against the float model. What int8 cost; the file is not involved.
- `conversion`: the file against the graph that it was lowered from. What the format cost.
- `vs_host`: the file on the device against the same file on this host. What the device changes.
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
"""The highest level, and what rounding takes from a number beyond it."""
AS_ITS_GRAPH = 0.99
"""Share of values within one level of its graph from which on a file is taken to be the graph."""

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
        input_psnr: mean PSNR of the input against the truth, enlarged by bicubic where the network
            enlarges: what needs no network.
    """

    mean: float
    worst: float
    worst_image: str
    reference_psnr: float
    input_psnr: float

    @property
    def psnr(self) -> float:
        """Mean PSNR of the file against the truth."""
        return self.reference_psnr - self.mean


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
        truth_input: PSNR of the input against the truth, None without truth.
        errors: of the file against the float reference, added up.
        differences: how many values differ from the source graph's by 0, 1, 2, … 255 levels.
        host_differences: the same against the file on this host; None where it ran here alone.
        numbers: errors of numbers that are no picture; None where the result is one.
        others: what is returned beside it.
        growth: PSNR of the file's picture against the float model's after each of the frames that
            are shown; none of a network that does not hand anything to itself.
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
        """What the file loses against the truth, in dB; None without truth."""
        if self.truth_reference is None or self.truth_file is None:
            return None
        return self.truth_reference - self.truth_file


@dataclass(frozen=True)
class ImageFigures:
    """What a report keeps of one image.

    Attributes:
        name: of the image.
        vs_reference: PSNR of the file's image against the float reference's, in dB.
        drop: what the file loses against the truth, in dB; None without truth.
    """

    name: str
    vs_reference: float
    drop: float | None


@dataclass(frozen=True)
class OutputDrift:
    """What a file returns beside the picture, against the float model.

    Attributes:
        kind: "image", "plane", "vector" or "state".
        vs_reference: of an image as pixels; of others as levels of their range, unrounded.
        numbers: errors in its own unit; of an image as pixels keep it.
        beyond: share of the float model's numbers that lie outside the range.
    """

    kind: str
    vs_reference: Fidelity
    numbers: PortError
    beyond: float


@dataclass(frozen=True)
class FrameDrift:
    """Drift after some frames of a network that hands something to itself.

    Attributes:
        frames: how many it has seen.
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
    """Compare the image that a file returned with those of its references, all 8-bit (H, W, C).

    Args:
        name: of the image.
        file: what the file returned.
        reference: what the float model returned.
        quantized: what the QDQ graph returned; None for a float file.
        source: what the graph that the file was lowered from returned.
        truth: ground truth, None where there is none.
        shave: border in pixels that is left out against the truth, as the papers do.
        untreated: the input, of the truth's size; None without truth.
        host: what the file returned on this host, where it ran on another device.
        levels: what the float model returned, neither rounded nor clipped; None where clipping
            takes next to nothing.

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
    """Compare what a file returned beside the picture with what the float model returned.

    Args:
        port: what it is.
        file: levels (H, W, C), where 0 … 255 is the port's range.
        reference: likewise.
    """
    beyond = float(np.mean((reference < -HALF) | (reference > WHITE + HALF)))
    if port.kind == "image":  # as pixels, both end at black and at white
        reference, file = (pixels_of(levels).astype(np.float64) for levels in (reference, file))
    decibel = _unclipped(reference, file)
    return OutputSums(port, decibel, port_sums(port, reference, file), beyond)


def picture_psnr(reference: Pixels, file: Pixels) -> float:
    """Return the PSNR of two pictures in dB; identical ones count as IDENTICAL."""
    return _decibel(reference, file)


def _decibel(reference: Pixels, candidate: Pixels, shave: int = 0) -> float:
    return min(psnr(reference, candidate, shave=shave), IDENTICAL)


def _unclipped(levels: NDArray[np.float64], candidate: Pixels | NDArray[np.float64]) -> float:
    """Return the PSNR of pixels or levels against values that lie anywhere, in dB."""
    error = float(np.mean((levels - candidate) ** 2))
    return min(10 * float(np.log10(255**2 / error)), IDENTICAL) if error else IDENTICAL


def _differences(source: Pixels, candidate: Pixels) -> NDArray[np.int64]:
    if source.shape != candidate.shape:
        raise ValueError(f"shapes differ: {source.shape} and {candidate.shape}")
    difference = np.abs(source.astype(np.int16) - candidate)
    return np.bincount(difference.reshape(-1), minlength=256).astype(np.int64)
