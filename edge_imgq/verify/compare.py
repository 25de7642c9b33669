"""Compare the images of a file with those of its references, one image at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.layout import pixels_of
from edge_imgq.metrics.psnr import psnr
from edge_imgq.verify.drift import IDENTICAL, ImageDrift
from edge_imgq.verify.mean_error import error_sums
from edge_imgq.verify.port_error import OutputSums, port_sums

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.ports import Port

    Pixels: TypeAlias = NDArray[np.uint8]

WHITE, ROUNDING = 255, 0.5
"""Highest 8-bit level, and the largest distance beyond the range that rounding removes."""


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

    PSNR are in dB with a peak of 255, at most 100 (IDENTICAL), over whole images unless the truth
    is one side.

    Args:
        name: name of the image.
        file: output of the file.
        reference: output of the float model.
        quantized: output of the QDQ graph; None for a float file.
        source: output of the graph that the file was lowered from.
        truth: ground truth; None if there is none.
        shave: border in pixels excluded from comparisons with the truth, as in the papers.
        untreated: input, resized to the truth's size; None without truth.
        host: output of the file on this host; None if it ran on no other device.
        levels: output of the float model in levels of 255, float64, neither rounded nor clipped;
            None if clipping is negligible.

    Raises:
        ValueError: shapes differ, or nothing is left after shaving.
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
    """Compare a further output of a file with that of the float model, on one image.

    An image is compared as 8-bit pixels, any other output in unrounded levels.

    Args:
        port: port of the output.
        file: output of the file, float64 (H, W, C), with the port's range mapped to 0 … 255.
        reference: output of the float model, in the same shape and units, unclipped.

    Returns:
        PSNR in dB over the range, at most 100; errors in the port's unit; and the share of the
        float model's values outside the range.

    Raises:
        ValueError: shapes differ.
    """
    beyond = float(np.mean((reference < -ROUNDING) | (reference > WHITE + ROUNDING)))
    if port.kind == "image":  # as pixels, both end at black and at white
        reference, file = (pixels_of(levels).astype(np.float64) for levels in (reference, file))
    decibel = _unclipped(reference, file)
    return OutputSums(port, decibel, port_sums(port, reference, file), beyond)


def picture_psnr(reference: Pixels, file: Pixels) -> float:
    """Return the PSNR in dB of two uint8 pictures (H, W, C), with a peak of 255.

    It is at most 100, which is the value for equal pictures (IDENTICAL).

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
