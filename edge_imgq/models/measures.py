"""The outputs of `assess-slim`: sequence, units and scaling.

A file returns COUNT values in the unit of each measure, with upscaling as a base-2 logarithm, then
as many natural logarithms of their uncertainties. In training the network returns all of them
scaled to similar magnitude, which int8 needs as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.ports import Port

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Measure:
    """One quantity that the network estimates.

    Attributes:
        name: its name.
        unit: unit, or empty if dimensionless.
        low: smallest value that a file can return.
        high: largest value that a file can return.
        centre: value for which the network returns 0.
        span: distance from the centre for which the network returns 1.
        clip_low: lower clip of the reported value.
        clip_high: upper clip of the reported value.
        logarithmic: whether all of these refer to the base-2 logarithm of the quantity.
    """

    name: str
    unit: str
    low: float
    high: float
    centre: float
    span: float
    clip_low: float = -math.inf
    clip_high: float = math.inf
    logarithmic: bool = False


REPAIRS = ("denoise-slim", "jpeg-slim", "deblur-slim", "dped-slim")
"""Networks of the zoo whose PSNR gain is estimated."""

SEEN = {"denoise-slim": 75, "jpeg-slim": 59, "deblur-slim": 151, "dped-slim": 27}
"""Side in pixels of the region that each repair reads; `enhance` refuses smaller photographs."""

DETAIL_DOUBT, DETAIL_DOUBT_IF_SOFT = -0.6, -1.5
"""Uncertainties by which the estimated gain of `deblur-slim` on detail is lowered before it is
advised: as they are negative, it is raised. The second is for blurred or enlarged photographs.

`deblur-slim` costs so much on a sharp photograph that its estimate is near 0 while some sharpness
is possible, though it gains on most photographs with such an estimate, and on nearly all that are
blurred. Chosen where `docs/assess.md` says.
"""

TONE_DOUBT = 1.0
"""Uncertainties by which an estimated gain on tones is lowered before a repair is advised.

A photograph may be dark or pale on purpose; then a change of its tones costs many decibels.
"""

WORTH = 0.1
"""Smallest gain in dB, lowered or raised so, at which a network is advised; smaller ones are not
visible."""

FAINT_NOISE = 1.0
"""Standard deviation of noise, in levels of 255, below which `denoise-slim` is not advised.

Clean photographs have as much, of rounding and grain. Fine texture can still make the network
predict a gain; no decision on the benchmark depends on this limit.
"""


def doubts(model: str, soft: bool) -> tuple[float, float]:
    """Return by how many uncertainties a repair's gains are lowered before it is advised.

    The first is for its gains on detail, the second for that on tones; below 0, gains are raised.

    Args:
        model: one of REPAIRS.
        soft: whether the photograph is blurred or was enlarged. `deblur-slim` is then preferred,
            and what it gains on tones counts in full.
    """
    if model != "deblur-slim":
        return 0.0, TONE_DOUBT
    return (DETAIL_DOUBT_IF_SOFT, 0.0) if soft else (DETAIL_DOUBT, TONE_DOUBT)


def unfit(model: str, side: int, noise: float) -> str | None:
    """Return why a network must not be advised for a photograph, whatever its gain; else None.

    The reason is a clause: the photograph is too small, or has too little noise to remove.

    Args:
        model: one of REPAIRS.
        side: shorter side of the photograph in pixels.
        noise: standard deviation of its noise, in levels of 255.
    """
    if SEEN[model] > side:
        return f"{model} needs {SEEN[model]} pixels on each side"
    if model == "denoise-slim" and noise < FAINT_NOISE:
        return f"{model} finds less than {FAINT_NOISE:g} level of noise"
    return None


DETAIL_GAINS = {name: f"detail_gain_{name}" for name in REPAIRS[:3]}
"""Repairs that restore detail, with the measure of what they gain on its error alone."""

TONE_GAINS = {name: f"tone_gain_{name}" for name in REPAIRS[2:]}
"""Repairs that change tones, with the measure of what they gain on the error of tones alone.

`deblur-slim` darkens a little, which mends some overexposed photographs.
"""

MEASURES = (
    Measure("noise", "levels", -4.0, 60.0, 25.0, 25.0, clip_low=0.0),
    Measure("jpeg_quality", "", 0.0, 108.0, 55.0, 45.0, clip_low=1.0, clip_high=100.0),
    Measure("blur", "pixels", -1.0, 8.0, 2.0, 2.0, clip_low=0.0),
    Measure("elongation", "", -0.7, 1.3, 0.5, 0.5, clip_low=0.0, clip_high=1.0),
    Measure("upscaling", "times", -0.3, 2.8, 1.0, 1.0, clip_low=0.0, logarithmic=True),
    Measure("detail_psnr", "dB", 3.0, 62.0, 35.0, 15.0),
    *(Measure(name, "dB", -7.0, 11.0, 2.0, 6.0) for name in DETAIL_GAINS.values()),
    Measure("exposure", "stops", -3.0, 3.0, 0.0, 2.0),
    Measure("tone_psnr", "dB", 3.0, 62.0, 35.0, 15.0),
    *(Measure(name, "dB", -7.0, 11.0, 2.0, 6.0) for name in TONE_GAINS.values()),
)
"""The measures in output sequence: those of crops, then those of OF_WHOLE.

Ranges in files cover the estimates of nearly all photographs.
"""

OF_WHOLE = ("exposure", "tone_psnr", *TONE_GAINS.values())
"""Measures that are read of a sample of the whole photograph's pixels; the others of crops."""

UNCERTAINTY_RATE = 4.0
"""The uncertainty, in spans, is e^(UNCERTAINTY_RATE · output)."""

UNCERTAINTIES = (-4.0, 2.0)
"""Smallest and largest natural logarithm of an uncertainty in spans, in training."""

UNCERTAINTIES_IN_FILES = (-8.0, 2.5)
"""The same in files, wider so that estimates beyond the training range are kept."""

COUNT = len(MEASURES)


def _port() -> Port:
    """Return the port with the value ranges of a file's output."""
    spans = [math.log(measure.span) for measure in MEASURES]
    return Port(
        "numbers",
        "vector",
        2 * COUNT,
        (
            *(m.low for m in MEASURES),
            *(UNCERTAINTIES_IN_FILES[0] + span for span in spans),
        ),
        (
            *(m.high for m in MEASURES),
            *(UNCERTAINTIES_IN_FILES[1] + span for span in spans),
        ),
    )


PORT = _port()
"""The output of the network as files return it."""


def to_outputs(values: Mapping[str, float]) -> Numbers:
    """Return the training targets (measures,), float32, for known values; NaN for unknown ones.

    Values are by name, in the unit of each measure, upscaling as a factor; other names are ignored.
    The result is scaled, in the order of MEASURES, and not clipped.
    """
    outputs = np.full(COUNT, np.nan, np.float32)
    for index, measure in enumerate(MEASURES):
        value = values.get(measure.name, math.nan)
        number = math.log2(value) if measure.logarithmic else value
        outputs[index] = (number - measure.centre) / measure.span
    return outputs


def outputs_port() -> Port:
    """Return the port of the torch network's output: PORT with ranges in the network's scaling.

    A vector of 2 × COUNT numbers: scaled values, then logarithms of uncertainties over 4
    (UNCERTAINTY_RATE). COUNT is the number of measures.
    """
    rates = [(bound / UNCERTAINTY_RATE,) * COUNT for bound in UNCERTAINTIES_IN_FILES]
    low = tuple((measure.low - measure.centre) / measure.span for measure in MEASURES)
    high = tuple((measure.high - measure.centre) / measure.span for measure in MEASURES)
    return replace(PORT, low=low + rates[0], high=high + rates[1])


def values_and_uncertainties(numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Convert a file's output to values and uncertainties in their units, float32 (N, COUNT) each.

    Values are clipped to `clip_low` … `clip_high` of each measure. Upscaling becomes a factor, and
    its uncertainty the factor's increase by one uncertainty.

    Args:
        numbers: output of a file, (N, 2 × COUNT), in the order of MEASURES: values, with upscaling
            as a base-2 logarithm, then natural logarithms of uncertainties.
    """
    values, logarithms = np.split(numbers, 2, axis=1)
    values, uncertainties = values.copy(), np.exp(logarithms)
    for index, measure in enumerate(MEASURES):
        values[:, index] = np.clip(values[:, index], measure.clip_low, measure.clip_high)
        if measure.logarithmic:
            values[:, index] = 2.0 ** values[:, index]
            uncertainties[:, index] = values[:, index] * (2.0 ** uncertainties[:, index] - 1.0)
    return values, uncertainties
