"""Reduce the comparisons of many images to means and worst images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.frame_sequences import SHOWN
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import (
    IDENTICAL,
    Agreement,
    BuiltinKernels,
    Conversion,
    Drift,
    Drop,
    Fidelity,
    FrameDrift,
    ImageDrift,
    ImageFigures,
    OutputDrift,
)
from edge_imgq.verify.mean_error import mean_error
from edge_imgq.verify.port_error import A_PICTURE, OutputSums, port_error

if TYPE_CHECKING:
    from numpy.typing import NDArray


def summarise(images: Sequence[ImageDrift], is_picture: bool = True, port: str = "") -> Drift:
    """Reduce the comparisons of one or more images to means and worst images.

    Means of PSNR are means of dB. `builtin_kernels` and `amplified` keep their defaults.

    Args:
        images: comparisons, one per image, at least one.
        is_picture: True if the float model's values are a picture. If False, distances are to its
            unclipped values instead of its pixels.
        port: name of an output that is not a picture; "" for a picture.
    """
    names = [image.name for image in images]
    distances = [
        (image.vs_reference, image.quantization)
        if is_picture
        else (image.vs_unclipped, image.quantization_unclipped)
        for image in images
    ]
    quantization = [second for _, second in distances if second is not None]
    against_float = [first for first, _ in distances]
    numbers = [image.numbers for image in images if image.numbers is not None]
    return Drift(
        vs_reference=_fidelity(names, against_float),
        drop=_drop(images),
        quantization=_fidelity(names, quantization)
        if quantization
        else Skipped("a float file has no quantization"),
        conversion=_conversion(np.sum([image.differences for image in images], axis=0)),
        vs_host=_agreement(images),
        mean_error=mean_error([image.errors for image in images]),
        images=tuple(
            ImageFigures(image.name, value, image.drop)
            for image, value in zip(images, against_float, strict=True)
        ),
        numbers=port_error(port, numbers) if numbers else A_PICTURE,
        others=tuple(
            _other(names, outputs) for outputs in zip(*(i.others for i in images), strict=True)
        ),
        growth=tuple(
            FrameDrift(frames, float(np.mean(decibels)))
            for frames, decibels in zip(
                SHOWN, zip(*(i.growth for i in images), strict=True), strict=False
            )
        ),
    )


def _other(names: Sequence[str], images: Sequence[OutputSums]) -> OutputDrift:
    """Return mean and worst image of a further output."""
    port = images[0].port
    return OutputDrift(
        kind=port.kind,
        vs_reference=_fidelity(names, [image.decibel for image in images]),
        numbers=port_error(port.name, [image.numbers for image in images]),
        beyond=float(np.mean([image.beyond for image in images])),
    )


def summarise_builtin(
    builtin: Sequence[ImageDrift], xnnpack: Sequence[ImageDrift]
) -> BuiltinKernels:
    """Reduce the comparisons of an int8 file in TFLite's built-in kernels, and in XNNPACK.

    Returns mean and lowest PSNR to the float model in dB of both, and how many of their values
    agree.

    Args:
        builtin: comparisons of the file in built-in kernels, with the file in XNNPACK as source.
        xnnpack: comparisons of the file in XNNPACK, on the same images in the same order.
    """
    names = [image.name for image in builtin]
    return BuiltinKernels(
        images=len(builtin),
        vs_reference=_fidelity(names, [image.vs_reference for image in builtin]),
        xnnpack=_fidelity(names, [image.vs_reference for image in xnnpack]),
        agreement=_agreed(np.sum([image.differences for image in builtin], axis=0)),
    )


def _fidelity(names: Sequence[str], values: Sequence[float]) -> Fidelity:
    worst = int(np.argmin(values))
    return Fidelity(float(np.mean(values)), values[worst], names[worst])


def _drop(images: Sequence[ImageDrift]) -> Drop | Skipped:
    lost = [(image.name, image.drop) for image in images if image.drop is not None]
    if not lost:
        return Skipped(
            "no ground truth for this task; give --images a folder with input/ and truth/"
        )
    worst_image, worst = max(lost, key=lambda image: image[1])
    return Drop(
        mean=float(np.mean([value for _, value in lost])),
        worst=worst,
        worst_image=worst_image,
        reference_psnr=_mean(image.truth_reference for image in images),
        input_psnr=_mean(image.truth_input for image in images),
    )


def _mean(values: Iterable[float | None]) -> float:
    return float(np.mean([value for value in values if value is not None]))


def _conversion(histogram: NDArray[np.int64]) -> Conversion:
    total = int(histogram.sum())
    return Conversion(
        equal=float(histogram[0] / total),
        within_1=float(histogram[:2].sum() / total),
        largest=int(np.flatnonzero(histogram).max()),
    )


def _agreement(images: Sequence[ImageDrift]) -> Agreement | Skipped:
    histograms = [image.host_differences for image in images if image.host_differences is not None]
    if not histograms:
        return Skipped("the file ran on this host alone")
    return _agreed(np.sum(histograms, axis=0))


def _agreed(histogram: NDArray[np.int64]) -> Agreement:
    error = float(np.dot(histogram, np.arange(256.0) ** 2) / histogram.sum())
    decibel = IDENTICAL if error == 0 else min(10 * np.log10(255**2 / error), IDENTICAL)
    shares = _conversion(histogram)
    return Agreement(float(decibel), shares.equal, shares.within_1, shares.largest)
