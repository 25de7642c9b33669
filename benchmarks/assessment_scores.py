"""What is counted as right in an assessment, and the classical measures' answers beside it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.assessment_case import NOTHING, Case
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.report.assessment import ClassicalMeasures

NEARLY = 0.1
"""dB by which advice may fall short of the best network and still be right."""


@dataclass(frozen=True)
class Answer:
    """What one method says of one case.

    Attributes:
        noise: in levels.
        jpeg_quality: 100 for no JPEG.
        blurred: whether it is.
        advice: the network to run, or "nothing".
    """

    noise: float
    jpeg_quality: float
    blurred: bool
    advice: str


@dataclass(frozen=True)
class Scores:
    """How a method did on some cases; NaN where none of them asks.

    Attributes:
        noise: median error of the noise in levels, on noisy cases.
        jpeg_quality: median error of the quality, on JPEGs.
        blurred: share of cases with and without blur (alone or none) that are told apart.
        best: share of degraded cases for which the advice gains most, to `NEARLY`.
        strictly: share for which nothing gains more at all.
        left_alone: share of clean cases that are left as they are.
        gain: mean gain of the advice in dB, over the degraded cases.
        possible: that of the best network each time.
    """

    noise: float
    jpeg_quality: float
    blurred: float
    best: float
    strictly: float
    left_alone: float
    gain: float
    possible: float


def _formulas(case: Case) -> ClassicalMeasures:
    """Return what formulas say; cases are large enough for them."""
    assert not isinstance(case.found.classical, Skipped)
    return case.found.classical


def network_answer(case: Case) -> Answer:
    """Return what `assess` says."""
    found = case.found
    advice = found.advice[0] if found.advice else NOTHING
    return Answer(found.noise.value, found.jpeg_quality.value, found.blurred, advice)


def classical_answer(fit: Sequence[Case]) -> Callable[[Case], Answer]:
    """Return what formulas say, with the thresholds that do best on `fit`."""
    jpegs = [case for case in fit if case.scenario in ("jpeg", "clean")]
    shown = np.array([_formulas(case).blockiness for case in jpegs])
    quality = np.array([case.truth.jpeg_quality for case in jpegs])
    # Isotonic: blocks that show more never mean a better quality.
    order = np.argsort(shown)
    falling = falling_fit(quality[order])
    edges = _best_threshold(
        [c for c in fit if c.scenario in ("clean", "defocus", "motion")],
        lambda case: -_formulas(case).laplacian_variance,
        lambda case: case.truth.blur > 0,
    )
    limits = _advice_limits(fit)

    def answer(case: Case) -> Answer:
        seen = _formulas(case)
        return Answer(
            seen.noise,
            float(np.interp(seen.blockiness, shown[order], falling)),
            -seen.laplacian_variance > edges,
            _rule(case, limits),
        )

    return answer


def falling_fit(values: NDArray[np.float64]) -> list[float]:
    """Return the nearest sequence that never rises (pool adjacent violators)."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        blocks.append((float(value), 1))
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (one, many), (other, few) = blocks[-2], blocks[-1]
            blocks[-2:] = [((one * many + other * few) / (many + few), many + few)]
    return [value for value, count in blocks for _ in range(count)]


Limits = tuple[float, float, float]
"""Noise and blockiness above which, and variance of the Laplacian below which, one acts."""


def _rule(case: Case, limits: Limits) -> str:
    seen = _formulas(case)
    if seen.noise > limits[0]:
        return "denoise-slim"
    if seen.blockiness > limits[1]:
        return "jpeg-slim"
    return "deblur-slim" if seen.laplacian_variance < limits[2] else NOTHING


def _advice_limits(fit: Sequence[Case]) -> Limits:
    """Return the limits whose rule gains most on `fit`."""
    columns = (
        [_formulas(case).noise for case in fit],
        [_formulas(case).blockiness for case in fit],
        [_formulas(case).laplacian_variance for case in fit],
    )
    candidates = [np.quantile(column, np.linspace(0.02, 0.98, 25)) for column in columns]
    return max(
        itertools.product(*candidates),
        key=lambda limits: sum(case.gains[_rule(case, limits)] for case in fit),
    )


def _best_threshold(
    cases: Sequence[Case], measure: Callable[[Case], float], truth: Callable[[Case], bool]
) -> float:
    """Return the value of a measure above which most cases are true and below which most are not.

    Both kinds count the same, however many there are.
    """
    values = np.array([measure(case) for case in cases])
    true = np.array([truth(case) for case in cases])
    best: float = max(
        values, key=lambda limit: (values[true] > limit).mean() + (values[~true] <= limit).mean()
    )
    return best


def scores(cases: Sequence[Case], answer: Callable[[Case], Answer]) -> Scores:
    """Score a method on some cases."""
    answers = [(case, answer(case)) for case in cases]
    noisy = [abs(a.noise - c.truth.noise) for c, a in answers if c.scenario == "noise"]
    jpegs = [abs(a.jpeg_quality - c.truth.jpeg_quality) for c, a in answers if c.scenario == "jpeg"]
    sharp = [not a.blurred for c, a in answers if c.scenario == "clean"]
    blurred = [a.blurred for c, a in answers if c.scenario in ("defocus", "motion", "blurred")]
    spoilt = [(c.gains, a.advice) for c, a in answers if c.scenario != "clean" and c.gains]
    lost = np.array([max(gains.values()) - gains[advice] for gains, advice in spoilt])
    clean = [a.advice == NOTHING for c, a in answers if c.scenario == "clean"]
    return Scores(
        noise=_median(noisy),
        jpeg_quality=_median(jpegs),
        blurred=float(np.mean([_mean(kind) for kind in (sharp, blurred) if kind])),
        best=_mean(lost <= NEARLY),
        strictly=_mean(lost == 0),
        left_alone=_mean(clean),
        gain=_mean([gains[advice] for gains, advice in spoilt]),
        possible=_mean([max(gains.values()) for gains, _ in spoilt]),
    )


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _mean(values: Sequence[float] | NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
