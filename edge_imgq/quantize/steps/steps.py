"""The steps after the choice of scales, in the order in which they run.

A step proposes one or more graphs. Each is evaluated on held-out patches of the calibration images,
and the first whose PSNR to the float model is not lower than before is kept. A step that needs an
operator without a torch implementation is recorded as not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.quantize.steps.quantization_run import QuantizationRun
from edge_imgq.quantize.steps.quantization_step import (
    QuantizationState,
    QuantizationStep,
    covered,
    not_run,
    psnr_after,
)
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.torch_threads import torch_threads
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.quantize.error_model.channel_sensitivity import ChannelSensitivity


@dataclass(frozen=True)
class Proposal:
    """A candidate graph of a step.

    Attributes:
        name: name in the step's record, as in recipes.
        make: computes the graph; raises NotCoveredError if an operator has no torch implementation.
    """

    name: str
    make: Callable[[], QuantizationState]


@dataclass(frozen=True)
class QuantizerStep:
    """A step of the quantizer.

    Attributes:
        name: name as in recipes.
        requested: returns the names of the variants of the step that a recipe requests; empty if
            none.
        propose: returns candidates in the order in which they are tried. It may raise the errors of
            `Proposal.make`.
        needs: requirement on the graph's operators, in words.
        rounds: whether it changes only integers. Kept steps of this kind are repeated on graphs
            whose scales a later step changes.
        begins: progress message before proposing; empty if proposing takes no time.
        in_parallel: whether torch uses all its threads. Their number then affects the last bits of
            the result.
    """

    name: str
    requested: Callable[[QuantizeRecipe], tuple[str, ...]]
    propose: Callable[[QuantizationRun, QuantizationState], Iterable[Proposal]]
    needs: str
    rounds: bool = False
    begins: str = ""
    in_parallel: bool = False


def take(step: QuantizerStep, run: QuantizationRun, pair: QuantizationState) -> QuantizationState:
    """Run a step, record its outcome, and return the best graph so far by held-out PSNR.

    Proposals are tried in order; the first whose PSNR is not lower than before is returned, else
    `pair` itself. Outcomes are appended to `run.prepared.steps`, which must hold a PSNR already. A
    step with an operator that torch cannot run is recorded as not run, with the reason.

    Args:
        step: step to run.
        run: settings of the quantization, and the record of steps.
        pair: float graph and its QDQ graph before the step; neither is changed.

    Raises:
        OutputError: the state of fine-tuning cannot be written.
    """
    with nullcontext() if step.in_parallel else torch_threads(1):
        return _first_that_is_no_worse(step, run, pair)


def _first_that_is_no_worse(
    step: QuantizerStep, run: QuantizationRun, pair: QuantizationState
) -> QuantizationState:
    if step.begins:
        run.prepared.begin(step.begins)
    proposals = covered(lambda: tuple(step.propose(run, pair)))
    if isinstance(proposals, Skipped):
        run.prepared.steps.append(not_run(" and ".join(step.requested(run.recipe)), proposals))
        return pair
    for proposal in proposals:
        run.prepared.begin(proposal.name)
        changed = covered(proposal.make)
        if isinstance(changed, Skipped):
            run.prepared.steps.append(not_run(proposal.name, changed))
            continue
        before, psnr = psnr_after(run.prepared.steps), run.prepared.judge.psnr(changed.quantized)
        run.prepared.steps.append(QuantizationStep(proposal.name, psnr, kept=psnr >= before))
        if psnr >= before:
            return changed
    return pair


def _with_feedback(run: QuantizationRun, pair: QuantizationState) -> QuantizationState:
    from edge_imgq.quantize.steps.gptq import round_with_feedback

    quantized = pair.quantized.clone()
    round_with_feedback(
        pair.original, quantized, run.prepared.few(), one_by_one=not run.prepared.takes_batches
    )
    return QuantizationState(pair.original, quantized, pair.observed)


def _with_channels_corrected(run: QuantizationRun, pair: QuantizationState) -> QuantizationState:
    from edge_imgq.quantize.steps.bias_correction import correct_channels

    quantized = pair.quantized.clone()
    correct_channels(pair.original, quantized, run.prepared.few(), gains=not run.by_shift)
    return QuantizationState(pair.original, quantized, pair.observed)


def _fine_tuned(run: QuantizationRun, pair: QuantizationState) -> QuantizationState:
    from edge_imgq.quantize.steps.fine_tuning import Lesson, tune

    quantized, patches, peak = pair.quantized.clone(), run.prepared.patches, run.contract.peak
    lesson = Lesson(
        patches.all(peak),
        patches.held_out(peak),
        peak,
        run.recipe.tuning,
        run.state,
        one_by_one=not run.prepared.takes_batches,
    )
    tune(pair.original, quantized, lesson, run.progress)
    return QuantizationState(pair.original, quantized, pair.observed)


def _alone(
    name: str, change: Callable[[QuantizationRun, QuantizationState], QuantizationState]
) -> Callable[[QuantizationRun, QuantizationState], list[Proposal]]:
    """Return a function that proposes a single graph."""

    def propose(run: QuantizationRun, pair: QuantizationState) -> list[Proposal]:
        return [Proposal(name, lambda: change(run, pair))]

    return propose


def _gains_and_copies(run: QuantizationRun, pair: QuantizationState) -> list[Proposal]:
    """Propose gains with copies first, then gains alone."""
    from edge_imgq.quantize.error_model.channel_sensitivity import channel_sensitivity

    proposals: list[Proposal] = []
    sensitivities = channel_sensitivity(
        pair.original, run.prepared.few(), one_by_one=not run.prepared.takes_batches
    )
    draft = pair
    if run.recipe.equalization == "image":
        draft, sensitivities = _equalized(run, pair, sensitivities)
        proposals.append(_rounded_again(run, "equalization", draft))
    if run.recipe.copies != "none":
        copied = _copied(run, draft, sensitivities)
        if copied is None:
            run.prepared.steps.append(not_run("copies", Skipped("no channel is worth a copy")))
        else:
            name = "equalization and copies" if proposals else "copies"
            proposals.append(_rounded_again(run, name, copied))
    return proposals[::-1]


def _equalized(
    run: QuantizationRun, pair: QuantizationState, sensitivities: Mapping[str, ChannelSensitivity]
) -> tuple[QuantizationState, dict[str, ChannelSensitivity]]:
    """Equalize channels; return the new graphs and sensitivities."""
    from edge_imgq.quantize.ranges.headroom import headroom
    from edge_imgq.quantize.steps.equalization import equalize

    original = pair.original.clone()
    reachable = headroom(original, pair.observed, run.prepared.guard().unlike, run.contract)
    observed, sensitivities = equalize(
        original, pair.observed, run.image, sensitivities, run.recipe.rounding, reachable
    )
    return run.pair(original, observed), sensitivities


def _copied(
    run: QuantizationRun, pair: QuantizationState, sensitivities: Mapping[str, ChannelSensitivity]
) -> QuantizationState | None:
    """Copy channels; return the new graphs, or None if no copy is worthwhile."""
    from edge_imgq.quantize.steps.channel_splitting import copy_channels
    from edge_imgq.quantize.steps.copy_counts import WidthRules

    original, guard, recipe = pair.original.clone(), run.prepared.guard(), run.recipe
    rules = None
    if recipe.copies in ("tiles", "wider"):
        wider = recipe.copies == "wider"
        rules = WidthRules(run.prepared.kernels, wider, recipe.noise_for_time)
    observed = copy_channels(original, pair.observed, run.scales, sensitivities, guard, rules)
    return None if observed is None else run.pair(original, observed)


def _rounded_again(run: QuantizationRun, name: str, draft: QuantizationState) -> Proposal:
    """Propose a graph with new scales, on which the kept rounding steps are repeated."""
    kept = {step.name for step in run.prepared.steps if step.kept}
    rounding = [step for step in STEPS if step.rounds and step.name in kept]

    def make() -> QuantizationState:
        result = draft
        for step in rounding:
            (proposal,) = step.propose(run, result)
            result = proposal.make()
        return result

    return Proposal(name, make)


STEPS: tuple[QuantizerStep, ...] = (
    QuantizerStep(
        name="feedback",
        requested=lambda recipe: ("feedback",) if recipe.rounding == "feedback" else (),
        propose=_alone("feedback", _with_feedback),
        needs="a torch form of every operator",
        rounds=True,
    ),
    QuantizerStep(
        name="channels",
        requested=lambda recipe: ("channels",) if "channels" in recipe.corrections else (),
        propose=_alone("channels", _with_channels_corrected),
        needs="nothing: ONNX Runtime runs both graphs",
        rounds=True,
    ),
    QuantizerStep(
        name="equalization and copies",
        requested=lambda recipe: (
            *(("equalization",) if recipe.equalization != "none" else ()),
            *(("copies",) if recipe.copies != "none" else ()),
        ),
        propose=_gains_and_copies,
        needs="the derivative of every operator",
        begins="gains and copies of channels",
    ),
    QuantizerStep(
        name="tuning",
        requested=lambda recipe: ("tuning",) if recipe.tuning else (),
        propose=_alone("tuning", _fine_tuned),
        needs="the derivative of every operator",
        in_parallel=True,
    ),
)
"""All steps after the choice of scales; each works on the result of the previous ones."""
