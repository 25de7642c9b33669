"""A quicker scheme is suggested only for schemes that it is a part of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_imgq.quantize.steps.quantization_step import QuantizationStep
from edge_imgq.recipe.folders import quantize_recipe
from edge_imgq.report.hints import QUICK, SLOWER, hints
from edge_imgq.report.report import SchemeReport
from tests.report.build import REPORT

STEPS = (QuantizationStep("scales", 50.0), QuantizationStep("feedback", 50.1))


@pytest.mark.parametrize("name", ["int8", "int8-thorough"])
def test_steps_that_gain_nothing_are_said_of_schemes_that_ship(name: str) -> None:
    (said,) = hints(replace(REPORT, schemes=(SchemeReport(name, STEPS),)))
    assert said.startswith(f"All that {name} does after the scales gained 0.1 dB")


@pytest.mark.parametrize("name", ["ours", "int8-symmetric"])
def test_of_another_scheme_it_is_not_known_what_the_quicker_one_would_lose(name: str) -> None:
    assert hints(replace(REPORT, schemes=(SchemeReport(name, STEPS),))) == ()


def test_the_quicker_scheme_takes_scales_as_the_slower_ones_do() -> None:
    assert {quantize_recipe(name).scales for name in (QUICK, *SLOWER)} == {"free"}
