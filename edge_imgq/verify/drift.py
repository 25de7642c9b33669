"""Distance of a file's images from those of its references, as values.

Four comparisons, all on 8-bit images; the last only for a file that ran on another device:

- `vs_reference`: file against float model; the difference that users see.
- `quantization`: QDQ graph against float model; the cost of int8, without the file.
- `conversion`: file against the graph that it was lowered from; the cost of the format.
- `vs_host`: file on the device against the same file on this host; the effect of the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.quantize.error_model.level_gain import NEARLY_ITS_GRAPH, LevelGain
from edge_imgq.skipped import Skipped
from edge_imgq.verify.mean_error import ErrorSums, MeanError
from edge_imgq.verify.port_error import A_PICTURE, OutputSums, PortError, PortSums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AS_ITS_GRAPH = 0.99
"""Least share of values within one level at which a file counts as equal to its graph."""

IDENTICAL = 100.0
"""PSNR in dB assigned to identical images in a mean; 8-bit images that differ by one level in one
value of a million have 108."""


@dataclass(frozen=True)
class Fidelity:
    """PSNR of a set of images against another, in dB; identical images count as 100.

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
        psnr: PSNR in dB over all images together; 100 if nothing differs.
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
        """PSNR against the truth that the file loses, in dB; None without truth.

        It is that of the float reference − that of the file; negative if the file is closer.
        """
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
    """All comparisons of one file over all images.

    Attributes:
        vs_reference: PSNR of the file against the float reference.
        drop: PSNR loss against the truth; skipped without truth.
        quantization: PSNR of the QDQ graph against the float reference; skipped for a float file.
        conversion: difference of the file from the graph that it was lowered from.
        vs_host: agreement with the same file on this host; skipped if it ran here.
        mean_error: signed mean error against the float reference.
        images: figures of each image.
        builtin_kernels: drift in TFLite's built-in kernels.
        numbers: errors of a main output that is not a picture; skipped for a picture.
        others: drift of the further outputs.
        amplified: tensor of the graph that amplifies rounding errors most; skipped if the file is
            close to its graph.
        growth: drift after some frames; empty for a network without states.
    """

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
