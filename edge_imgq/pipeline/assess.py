"""Estimate the degradations of photographs and advise the network that restores them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import ImageError, UsageError
from edge_imgq.images.chroma import luma_of
from edge_imgq.images.crops import evenly_spaced_crops, evenly_spaced_pixels
from edge_imgq.images.photograph import read_photograph
from edge_imgq.metrics.no_reference import (
    MIN_SIDE,
    blockiness,
    laplacian_variance,
    wavelet_noise,
)
from edge_imgq.models.measures import (
    DETAIL_GAINS,
    MEASURES,
    OF_WHOLE,
    PORT,
    REPAIRS,
    TONE_GAINS,
    WORTH,
    doubts,
    unfit,
    values_and_uncertainties,
)
from edge_imgq.pipeline.enhance.enhancer import open_network
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.report.assessment import Assessment, ClassicalMeasures, Estimate, Gain
from edge_imgq.runtime.protocol import FloatSession
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.runtime.protocol import Session

    Pixels: TypeAlias = NDArray[np.uint8]
    Numbers: TypeAlias = NDArray[np.float32]

SIDE = 96
"""Height and width in pixels of the crops that the assessing network was trained on."""

MAX_CROPS_PER_SIDE = 8
"""Largest number of crops along each side of a photograph."""

GRID = 8
"""Side of JPEG's blocks in pixels; crops start at multiples of it."""

BLURRED = 0.3
"""Blur in pixels above which a photograph counts as blurred; the least in training is 0.8."""

ENLARGED = 1.3
"""Factor of upscaling above which a photograph counts as enlarged; the least in training is 1.5."""

SHARED = 0.5
"""Share of all crops in what a repair is said to gain on one of them.

One crop alone is a poor witness: what its texture hides of blur shows elsewhere in the photograph.
"""

Predict = Callable[["Pixels"], "Numbers"]
"""Function from uint8 crops (N, SIDE, SIDE, 3) to float32 estimates (N, 2 × measures)."""

MODEL = "assess-slim"

NAMES = [measure.name for measure in MEASURES]


def open_assessor(model: str, threads: int) -> Predict:
    """Open the assessing network, or a file exported from it, as a function of crops.

    Args:
        model: name or path of the network, or path of the file.
        threads: processor threads.

    Returns:
        A function from uint8 crops (N, 96, 96, 3) to float32 estimates (N, 2 × measures), each in
        the unit of its measure; crops are run one at a time.

    Raises:
        UsageError: the model does not assess photographs, or its file takes other crop sizes.
        ModelError: the model cannot be read.
        RuntimeUnavailableError: the file's runtime is not installed here.
    """
    session = open_network(model, threads).session
    if session.note.contract.result != PORT:
        raise UsageError(
            f"{model} does not assess photographs. Name {MODEL}, or a file that was exported of it."
        )
    if not session.resizable and session.sizes and (SIDE, SIDE) not in session.sizes:
        raise UsageError(
            f"{model} takes other crops than those of {SIDE}x{SIDE} pixels that the network "
            f"learned from: edge-imgq export {MODEL} --size {SIDE}x{SIDE}."
        )

    def predict(crops: Pixels) -> Numbers:
        levels = np.stack([levels_of(session, crop).ravel() for crop in crops])
        return PORT.numbers(levels).astype(np.float32)

    return predict


def levels_of(session: Session, crop: Pixels) -> NDArray[np.float64]:
    """Return a session's output for a crop in levels of 0 to 255, unrounded if the session can.

    Args:
        session: opened network or file.
        crop: uint8 (H, W, C).

    Returns:
        float64 (H', W', C').
    """
    if isinstance(session, FloatSession):
        return session.levels(crop)
    return session.run(crop).astype(np.float64)


def assess_photographs(
    photos: Sequence[Path], model: str, threads: int, watch: Watch
) -> tuple[tuple[Assessment, ...], tuple[str, ...]]:
    """Return assessments of the readable photographs, and one sentence per damaged file.

    Both in the order of the photographs.

    Args:
        photos: files of photographs of any size.
        model: name or path of the assessing network, or path of a file exported from it.
        threads: processor threads.
        watch: called before each photograph.

    Raises:
        ImageError: none of the files is an image.
        UsageError: the model does not assess photographs, or its file takes other crop sizes.
        ModelError: the model cannot be read.
        RuntimeUnavailableError: the file's runtime is not installed here.
    """
    predict = open_assessor(model, threads)
    assessed, failed = [], []
    for index, photo in enumerate(photos):
        watch(ProgressStep(f"assess {photo.name}", index, len(photos)))
        try:
            assessed.append(assess_pixels(read_photograph(photo).pixels, str(photo), predict))
        except ImageError as error:
            failed.append(str(error))
    if not assessed:
        raise ImageError("\n".join(failed))
    return tuple(assessed), tuple(failed)


def assess_pixels(pixels: Pixels, name: str, predict: Predict) -> Assessment:
    """Estimate the degradations of one photograph of any size, and advise a network.

    The network sees at most 8 × 8 evenly spaced crops of 96 × 96 pixels, and 96² pixels of the
    whole photograph as one more; a smaller photograph is extended by reflection.

    Args:
        pixels: uint8, RGB (H, W, 3) or gray (H, W, 1).
        name: name of the photograph.
        predict: assessing network, as `open_assessor` returns it.
    """
    colour = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    sample = evenly_spaced_pixels(colour, SIDE)
    crops = np.concatenate(
        [evenly_spaced_crops(colour, SIDE, MAX_CROPS_PER_SIDE, GRID), sample[None]]
    )
    values, uncertainties = values_and_uncertainties(predict(crops))
    estimates = _combined(values, uncertainties)
    blurred = estimates["blur"].value > BLURRED
    soft = blurred or estimates["upscaling"].value > ENLARGED
    gains = sorted(_gains(values, uncertainties, soft), key=lambda gain: -gain.gain.value)
    return Assessment(
        source=name,
        size=(pixels.shape[0], pixels.shape[1]),
        **estimates,
        blurred=blurred,
        gains=tuple(gains),
        advice=advised(gains, min(pixels.shape[:2]), estimates["noise"].value),
        classical=classical_measures(pixels),
    )


def advised(gains: Sequence[Gain], side: int, noise: float) -> tuple[str, ...]:
    """Return the network with the largest adjusted gain, or () if none gains 0.1 dB.

    A network that is unfit for the photograph is left out (`edge_imgq.models.measures.unfit`).
    Never more than one: on degraded photographs the best pair in sequence gained only 0.01 dB more
    on average.

    Args:
        gains: gains in dB, in any order.
        side: shorter side of the photograph in pixels.
        noise: standard deviation of the noise, in levels of 255.
    """
    fit = [gain for gain in gains if not unfit(gain.model, side, noise)]
    best = max(fit, key=lambda gain: gain.adjusted, default=None)
    return () if best is None or best.adjusted < WORTH else (best.model,)


def classical_measures(pixels: Pixels) -> ClassicalMeasures | Skipped:
    """Return no-reference measures of a uint8 photograph, RGB (H, W, 3) or gray (H, W, 1).

    They are noise, sharpness and blockiness, computed on luma in levels of 255. `Skipped` if a side
    is shorter than 16 pixels.
    """
    if min(pixels.shape[:2]) < MIN_SIDE:
        return Skipped(f"the formulas need {MIN_SIDE} pixels on each side")
    luma = (luma_of(pixels) if pixels.shape[2] == 3 else pixels)[..., 0].astype(np.float32)
    return ClassicalMeasures(wavelet_noise(luma), laplacian_variance(luma), blockiness(luma))


def _combined(values: Numbers, uncertainties: Numbers) -> dict[str, Estimate]:
    """Return a photograph's estimates: medians over its crops, weighted by inverse variance.

    Exposure is read of the last row, the sample. The PSNR is that of both errors together.
    """
    estimates = {}
    for name in ("noise", "jpeg_quality", "blur", "elongation", "upscaling", "exposure"):
        index = NAMES.index(name)
        rows = slice(-1, None) if name in OF_WHOLE else slice(-1)
        weights = 1.0 / uncertainties[rows, index] ** 2
        value = weighted_quantile(values[rows, index], weights, 0.5)
        uncertainty = weighted_quantile(uncertainties[rows, index], weights, 0.5)
        estimates[name] = Estimate(value, uncertainty, MEASURES[index].unit)
    detail, tones = _errors(values)
    psnr = -10.0 * np.log10(detail.mean() + tones)
    uncertainty = np.average(
        [
            *uncertainties[:-1, NAMES.index("detail_psnr")],
            uncertainties[-1, NAMES.index("tone_psnr")],
        ],
        weights=[*detail / len(detail), tones],
    )
    return {**estimates, "psnr": Estimate(float(psnr), float(uncertainty), "dB")}


def _errors(values: Numbers) -> tuple[Numbers, float]:
    """Return the mean squared errors of detail in each crop, and of tones, for a peak of 1."""
    detail = 10.0 ** (-values[:-1, NAMES.index("detail_psnr")] / 10.0)
    return detail, float(10.0 ** (-values[-1, NAMES.index("tone_psnr")] / 10.0))


def _gains(values: Numbers, uncertainties: Numbers, soft: bool) -> list[Gain]:
    """Return each network's PSNR gain, from squared errors summed over the photograph.

    Errors of detail are those of the crops, to which those of tones, of the sample, are added: each
    is reduced by what the network gains on it alone. Gains on crops are drawn towards their mean.
    Adjusted gains are of gains less `doubts` of their uncertainties, in a photograph that is soft
    (blurred or enlarged) or not.
    """
    detail, tones = _errors(values)
    before = np.append(detail / len(detail), tones)
    gains = []
    for name in REPAIRS:
        gain, uncertainty = _gains_by_error(name, values, uncertainties)
        on_detail, on_tones = doubts(name, soft)
        doubt = np.append(np.full(len(detail), on_detail), on_tones)
        after = before * 10.0 ** (-gain / 10.0)
        cautious = before * 10.0 ** (-(gain - doubt * uncertainty) / 10.0)
        value, adjusted = (10.0 * np.log10(before.sum() / a.sum()) for a in (after, cautious))
        estimate = Estimate(float(value), float(np.average(uncertainty, weights=after)), "dB")
        gains.append(Gain(name, estimate, float(adjusted)))
    return gains


def _gains_by_error(
    name: str, values: Numbers, uncertainties: Numbers
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a network's gains on detail in each crop and then on tones, and their uncertainties.

    Both are 0 where no gain of the network is estimated.
    """
    gain, uncertainty = np.zeros(len(values)), np.zeros(len(values))
    for rows, measures in ((slice(-1), DETAIL_GAINS), (slice(-1, None), TONE_GAINS)):
        if name in measures:
            index = NAMES.index(measures[name])
            gain[rows] = _towards_mean(values[rows, index], uncertainties[rows, index])
            uncertainty[rows] = uncertainties[rows, index]
    return gain, uncertainty


def _towards_mean(gains: Numbers, uncertainties: Numbers) -> Numbers:
    """Return gains (N,), each a mixture of itself and, by SHARED, of the mean by inverse variance.

    A single gain is returned as it is.
    """
    mean = np.average(gains, weights=1.0 / uncertainties**2)
    return (1.0 - SHARED) * gains + SHARED * mean


def weighted_quantile(values: Numbers, weights: Numbers, share: float) -> float:
    """Return the value below which a share of the total weight lies, linearly interpolated.

    Below the first and above the last value it is that value.

    Args:
        values: float32 (N,), N of 1 or more, in any order.
        weights: float32 (N,), above 0.
        share: 0 … 1; 0.5 for the median.
    """
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.interp(share * weights.sum(), below, values[order]))
