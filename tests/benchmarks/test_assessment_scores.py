"""What counts as right in the benchmark of assessments."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.assessment_case import Case
from benchmarks.assessment_scores import Answer, classical_answer, falling_fit, scores
from edge_imgq.images.mixture import Severity
from edge_imgq.report.assessment import Assessment, ClassicalMeasures, Estimate

GAINS = {"nothing": 0.0, "denoise-slim": 2.0, "jpeg-slim": 1.95, "deblur-slim": -1.0}
ANY = Estimate(0.0, 1.0, "")


def case(scenario: str, truth: Severity, measures: ClassicalMeasures, **gains: float) -> Case:
    found = Assessment("p", (9, 9), *[ANY] * 7, False, (), (), measures)
    return Case("set", scenario, truth, found, {**GAINS, **gains})


NOISY = case("noise", Severity(noise=20.0), ClassicalMeasures(18.0, 900.0, 1.0))
CLEAN = case(
    "clean", Severity(), ClassicalMeasures(1.0, 500.0, 1.0),
    **dict.fromkeys(("denoise-slim", "jpeg-slim"), -2.0),
)  # fmt: skip
BLURRED = case(
    "defocus", Severity(blur=2.0), ClassicalMeasures(0.5, 20.0, 1.0),
    **{"denoise-slim": -0.5, "jpeg-slim": -0.5, "deblur-slim": 1.0},
)  # fmt: skip


def test_errors_are_medians_and_advice_may_fall_short_by_a_tenth() -> None:
    said = {"noise": "jpeg-slim", "clean": "nothing", "defocus": "nothing"}
    found = scores(
        [NOISY, CLEAN, BLURRED],
        lambda one: Answer(17.0, 100.0, one.scenario == "defocus", said[one.scenario]),
    )
    assert found.noise == pytest.approx(3.0)
    assert np.isnan(found.jpeg_quality), "no case is a JPEG"
    assert (found.blurred, found.left_alone) == (1.0, 1.0)
    assert (found.best, found.strictly) == (0.5, 0.0)
    assert (found.gain, found.possible) == pytest.approx((0.975, 1.5))


def test_formulas_get_the_thresholds_that_part_the_cases_they_are_fitted_on() -> None:
    answer = classical_answer([NOISY, CLEAN, BLURRED])
    assert [answer(one).advice for one in (NOISY, BLURRED)] == ["denoise-slim", "deblur-slim"]
    assert answer(CLEAN).advice == "nothing"


def test_a_fit_that_never_rises_is_the_nearest_one() -> None:
    assert falling_fit(np.array([5.0, 7.0, 3.0, 1.0, 2.0])) == [6.0, 6.0, 3.0, 1.5, 1.5]
