"""How steps are taken: the first proposal that is nearer is kept, and every one is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from edge_imgq.quantize.steps.quantization_run import QuantizationRun
from edge_imgq.quantize.steps.quantization_step import QuantizationState, QuantizationStep
from edge_imgq.quantize.steps.steps import STEPS, Proposal, QuantizerStep, take
from edge_imgq.quantize.torch.torch_inputs import NotCoveredError
from edge_imgq.recipe.folders import quantize_recipe
from edge_imgq.skipped import Skipped


@dataclass
class Graphs:
    """Stands for a preparation whose judge knows graphs by their dB."""

    steps: list[QuantizationStep] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    def begin(self, name: str) -> None:
        self.begun.append(name)

    @property
    def judge(self) -> Graphs:
        return self

    def psnr(self, graph: float) -> float:
        return graph


def pair(psnr: float) -> QuantizationState:
    return QuantizationState(cast("Any", None), cast("Any", psnr), {})


def run(*proposals: Proposal | NotCoveredError) -> tuple[QuantizationState, list[QuantizationStep]]:
    prepared = Graphs([QuantizationStep("scales", 40.0)])
    one = QuantizationRun(
        quantize_recipe("int8"), cast("Any", None), cast("Any", prepared), print, None
    )

    def propose(_: QuantizationRun, __: QuantizationState) -> list[Proposal]:
        for proposal in proposals:
            if isinstance(proposal, NotCoveredError):
                raise proposal
        return cast("list[Proposal]", list(proposals))

    step = QuantizerStep("both", lambda _: ("one", "other"), propose, needs="nothing")
    return take(step, one, pair(40.0)), prepared.steps[1:]


def better(psnr: float) -> Proposal:
    return Proposal(f"{psnr:g}", lambda: pair(psnr))


def refused() -> QuantizationState:
    raise NotCoveredError("no torch form of Erf")


def test_the_first_that_is_nearer_is_kept_and_no_further_one_is_tried() -> None:
    taken, steps = run(better(39.0), better(41.0), better(50.0))
    assert taken.quantized == cast("Any", 41.0)
    assert steps == [QuantizationStep("39", 39.0, kept=False), QuantizationStep("41", 41.0)]


def test_where_none_is_nearer_the_graph_stays() -> None:
    taken, steps = run(better(39.0), better(39.5))
    assert taken.quantized == cast("Any", 40.0)
    assert [step.kept for step in steps] == [False, False]


def test_one_that_cannot_be_made_leaves_its_reason_and_the_next_one() -> None:
    taken, steps = run(Proposal("tuning", refused), better(42.0))
    assert taken.quantized == cast("Any", 42.0)
    reason = Skipped("no torch form of Erf")
    assert steps[0] == QuantizationStep("tuning", reason, kept=False)


def test_a_step_that_cannot_propose_is_recorded_by_what_the_recipe_asked_for() -> None:
    _, steps = run(NotCoveredError("no torch form of Erf"))
    reason = Skipped("no torch form of Erf")
    assert steps == [QuantizationStep("one and other", reason, kept=False)]


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        ("int8", ["feedback", "channels", "equalization", "copies"]),
        ("int8-thorough", ["feedback", "channels", "equalization", "copies", "tuning"]),
    ],
)
def test_recipes_that_ship_ask_for_these(recipe: str, wanted: list[str]) -> None:
    asked = [word for step in STEPS for word in step.requested(quantize_recipe(recipe))]
    assert asked == wanted
