"""What the numbers of `assess-slim` mean: their order, units and scales.

A number of a file is in the measure's unit; that of upscaling is a base-2 logarithm. As many more
follow: the natural logarithms of their spreads. In training the network returns all of them scaled,
of one size, which int8 needs too.
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
    """A number that the network estimates.

    Attributes:
        name: what it is called.
        unit: of the number; empty for one that has none.
        low: the least that a file can say.
        high: the most.
        centre: where the network returns 0.
        span: how far from there it returns 1.
        least: what is said below it counts as it.
        most: what is said above it counts as it.
        logarithmic: whether all of these are of the number's base-2 logarithm.
    """

    name: str
    unit: str
    low: float
    high: float
    centre: float
    span: float
    least: float = -math.inf
    most: float = math.inf
    logarithmic: bool = False


REPAIRS = ("denoise-slim", "jpeg-slim", "deblur-slim", "dped-slim")
"""Networks of the zoo whose gain is estimated."""

SEEN = {"denoise-slim": 75, "jpeg-slim": 59, "deblur-slim": 151}
"""Those that are advised, and the height and width that each sees at once: `enhance` refuses
smaller photographs. `dped-slim` is not: whether a photograph is dark and pale on purpose cannot be
seen, and where it is, tones that are mended cost decibels."""

WORTH = 0.15
"""Gain in dB below which no network is advised: nobody sees less."""

MEASURES = (
    Measure("noise", "levels", -4.0, 60.0, 25.0, 25.0, least=0.0),
    Measure("jpeg_quality", "", 0.0, 108.0, 55.0, 45.0, least=1.0, most=100.0),
    Measure("blur", "pixels", -1.0, 8.0, 2.0, 2.0, least=0.0),
    Measure("elongation", "", -0.7, 1.3, 0.5, 0.5, least=0.0, most=1.0),
    Measure("upscaling", "times", -0.3, 2.8, 1.0, 1.0, least=0.0, logarithmic=True),
    Measure("exposure", "stops", -3.0, 3.0, 0.0, 2.0),
    Measure("psnr", "dB", 3.0, 62.0, 35.0, 15.0),
    *(Measure(name, "dB", -7.0, 11.0, 2.0, 6.0) for name in REPAIRS),
)
"""Their ranges in files hold what the network says of nearly all photographs."""

SPREAD_RATE = 4.0
"""A spread, in spans, is e to the power of this times the network's output."""

SPREADS = (-4.0, 2.0)
"""Least and largest natural logarithm of a spread in spans."""

SPREADS_IN_FILES = (-8.0, 2.5)
"""The same in files: what a network says beyond those that it was taught, it is to keep."""

COUNT = len(MEASURES)


def _port() -> Port:
    """Return what the ends of a file's numbers stand for."""
    spreads = [math.log(measure.span) for measure in MEASURES]
    return Port(
        "numbers",
        "vector",
        2 * COUNT,
        (*(m.low for m in MEASURES), *(SPREADS_IN_FILES[0] + offset for offset in spreads)),
        (*(m.high for m in MEASURES), *(SPREADS_IN_FILES[1] + offset for offset in spreads)),
    )


PORT = _port()
"""The result of the network, as files return it."""


def to_outputs(values: Mapping[str, float]) -> Numbers:
    """Return what the network should say of known values, (measures,); NaN for all others."""
    outputs = np.full(COUNT, np.nan, np.float32)
    for index, measure in enumerate(MEASURES):
        value = values.get(measure.name, math.nan)
        number = math.log2(value) if measure.logarithmic else value
        outputs[index] = (number - measure.centre) / measure.span
    return outputs


def outputs_port() -> Port:
    """Return the ends of the port as the network itself says them."""
    rates = [(bound / SPREAD_RATE,) * COUNT for bound in SPREADS_IN_FILES]
    low = tuple((measure.low - measure.centre) / measure.span for measure in MEASURES)
    high = tuple((measure.high - measure.centre) / measure.span for measure in MEASURES)
    return replace(PORT, low=low + rates[0], high=high + rates[1])


def values_and_spreads(numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Return values and their spreads in their units, (N, measures) each.

    Args:
        numbers: of a file, (N, 2 × measures).
    """
    values, logarithms = np.split(numbers, 2, axis=1)
    values, spreads = values.copy(), np.exp(logarithms)
    for index, measure in enumerate(MEASURES):
        values[:, index] = np.clip(values[:, index], measure.least, measure.most)
        if measure.logarithmic:
            values[:, index] = 2.0 ** values[:, index]
            spreads[:, index] = values[:, index] * (2.0 ** spreads[:, index] - 1.0)
    return values, spreads
