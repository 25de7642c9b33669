"""What the outputs of `assess-slim` mean: their order, units and scales."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Measure:
    """A number that the network estimates.

    Attributes:
        name: what it is called.
        unit: of the number; empty for one that has none.
        centre: where the network returns 0.
        span: how far from there it returns 1.
        logarithmic: whether centre and span are of the number's base-2 logarithm.
    """

    name: str
    unit: str
    centre: float
    span: float
    logarithmic: bool = False


REPAIRS = ("denoise-slim", "jpeg-slim", "deblur-slim", "dped-slim")
"""Networks of the zoo whose gain is estimated."""

MEASURES = (
    Measure("noise", "levels", 25.0, 25.0),
    Measure("jpeg_quality", "", 55.0, 45.0),
    Measure("blur", "pixels", 2.0, 2.0),
    Measure("elongation", "", 0.5, 0.5),
    Measure("upscaling", "times", 1.0, 1.0, logarithmic=True),
    Measure("exposure", "stops", 0.0, 2.0),
    Measure("psnr", "dB", 35.0, 15.0),
    *(Measure(name, "dB", 2.0, 6.0) for name in REPAIRS),
)
"""In the order of the network's outputs; the spread of each follows in the same order."""

SPREAD_RATE = 4.0
"""A spread, in spans, is e to the power of this times its output: all outputs then have one size,
which int8 needs."""


def to_outputs(values: Mapping[str, float]) -> Numbers:
    """Return what the network should say of known values, (measures,); NaN for all others."""
    outputs = np.full(len(MEASURES), np.nan, np.float32)
    for index, measure in enumerate(MEASURES):
        value = values.get(measure.name, math.nan)
        number = math.log2(value) if measure.logarithmic else value
        outputs[index] = (number - measure.centre) / measure.span
    return outputs


def from_outputs(outputs: Numbers) -> tuple[Numbers, Numbers]:
    """Return values and their spreads, (N, measures) each, of the network's outputs.

    Args:
        outputs: (N, 2 × measures).
    """
    spans = np.array([measure.span for measure in MEASURES], np.float32)
    centres = np.array([measure.centre for measure in MEASURES], np.float32)
    scaled, rates = np.split(outputs, 2, axis=1)
    values, spreads = scaled * spans + centres, np.exp(SPREAD_RATE * rates) * spans
    for index, measure in enumerate(MEASURES):
        if measure.logarithmic:
            values[:, index] = 2.0 ** values[:, index]
            spreads[:, index] = values[:, index] * (2.0 ** spreads[:, index] - 1.0)
    return values, spreads
