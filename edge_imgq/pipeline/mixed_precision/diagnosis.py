"""From files over budget to the layers that cause it, and to the command that mends it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.contract import PixelRange
from edge_imgq.devices.kernels import estimated_profile
from edge_imgq.pipeline.mixed_precision.estimated_times import at_size, float_file_time
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.quantize.mixed_precision.worst_layer import WorstLayer
from edge_imgq.quantize.steps.quantization_step import psnr_after
from edge_imgq.recipe.export import Budget, recipe_name
from edge_imgq.recipe.folders import automatic_form
from edge_imgq.report.diagnosis import CLEARLY, NO_FILES, NOT_BY_ROUNDING, WITHIN, Diagnosis, Mend
from edge_imgq.report.report import TargetReport
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Drop
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from edge_imgq.pipeline.open_model.source import Source
    from edge_imgq.quantize.mixed_precision.precision_search import Choice, PrecisionSearch
    from edge_imgq.quantize.quantize import Quantized

PATCHES = 2
"""Patches that the layers are compared on: a run of many large ones would take minutes."""

MOST_MOVES = 8
"""Moves of the search for layers in float; where that many do not help, all layers lose."""

LEAST_DROP = 1e-3
"""dB that a budget for a drop counts as at least, so that one of nothing can be aimed at."""

BY_WRITING = 1.0
"""dB that a file may be farther from the float model than its graph is, for the graph to be why."""

NO_FLOAT_FILE = Skipped("no recipe makes a float TFLite file")

DEFAULT_OUTPUT = "artifacts"

MARGIN = 0.5
"""dB that are aimed at beyond the budget: patches foretell images to about as much."""


@dataclass(frozen=True)
class Words:
    """What a person asked for, to be said again in a command.

    Attributes:
        model, scheme, calibration, pixels, output: as for an export.
        size: height and width of the first file.
        sized: whether the person named it.
        ports: options that name ports.
    """

    model: str
    scheme: str
    calibration: Path | None
    pixels: PixelRange | None
    output: Path
    size: tuple[int, int]
    sized: bool
    ports: tuple[str, ...] = ()


def missing_fidelity(
    targets: Iterable[TargetReport], budgets: Mapping[str, Budget]
) -> float | Skipped:
    """Return how many dB nearer to the float model int8 files would have to be; a reason for none.

    Args:
        targets: of one quantization scheme.
        budgets: by recipe.
    """
    missing, reason = 0.0, NO_FILES
    for target in targets:
        reason = WITHIN if reason is NO_FILES else reason
        lack = _missing(target, budgets[recipe_name(target.target)])
        graph = target.quantization
        if lack > 0 and not isinstance(graph, Skipped):
            if graph.mean - target.vs_reference.mean > BY_WRITING:
                reason = NOT_BY_ROUNDING
            else:
                missing = max(missing, lack)
    return missing if missing else reason


def lacking_fidelity(targets: Iterable[TargetReport], budgets: Mapping[str, Budget]) -> float:
    """Return how many dB nearer files would have to be, negative where they are nearer than that.

    Arguments as for `missing_fidelity`; there is a target at least.
    """
    return max(_missing(target, budgets[recipe_name(target.target)]) for target in targets)


def _missing(target: TargetReport, budget: Budget) -> float:
    lacks = [budget.psnr_vs_reference - target.vs_reference.mean]
    if isinstance(target.drop, Drop):
        for drop, allowed in (
            (target.drop.mean, budget.psnr_drop),
            (target.drop.worst, budget.psnr_drop_worst),
        ):
            # An error of e raises that of the float image, 1, to 1 + e: the drop in dB.
            error, most = _error(max(drop, LEAST_DROP)), _error(max(allowed, LEAST_DROP))
            lacks.append(10 * math.log10(error / most))
    return max(lacks)


def _error(drop: float) -> float:
    return float(10 ** (drop / 10) - 1)


def diagnose(
    quantized: Quantized, source: Source, missing: float, size: tuple[int, int],
    words: Words | None, watch: Watch,
) -> Diagnosis:  # fmt: skip
    """Find the layers that make a graph's loss, and few that mend it in float.

    Args:
        quantized: the graph, and the float graph that it was made from.
        source: the model.
        missing: dB that the graph must come nearer to the float model.
        size: height and width of the first file.
        words: of the person; None where no command says what was asked for.
        watch: told what is measured.
    """
    found = causes(quantized, source, missing, size, watch)
    choice = found.search.find(found.wanted, telling(watch), MOST_MOVES)
    mend = _mend(choice, found, _commands(words, found.aim) if words else ())
    return Diagnosis(found.layers, found.psnr, found.wanted, mend)


@dataclass(frozen=True)
class Causes:
    """What makes the loss of a graph over budget, and what to look for.

    Attributes:
        layers: that make most of it.
        psnr: of the graph, dB on a few patches.
        wanted: dB there with which its files would be about within budget.
        aim: the same on all held-out patches, as the quantizer's steps are judged.
        best: dB on the few patches with all layers in float.
        search: for layers in float.
        processor: family whose kernels times are estimated by.
        time_in_float: estimated time of a float file, of that with all layers in int8.
    """

    layers: tuple[WorstLayer, ...]
    psnr: float
    wanted: float
    aim: float
    best: float
    search: PrecisionSearch
    processor: str
    time_in_float: float | Skipped

    def is_clearly_faster(self, choice: Choice, clearly: float = CLEARLY) -> bool:
        """Tell whether a file in float is estimated to take `clearly` times as long at least."""
        in_float = self.time_in_float
        return isinstance(in_float, Skipped) or in_float >= clearly * choice.time

    def is_no_gain(self, choice: Choice) -> Skipped:
        """Say that a choice is not clearly faster than a float file."""
        in_float = self.time_in_float
        times = "" if isinstance(in_float, Skipped) else f"{in_float:.1f} times"
        return Skipped(
            f"with {count_of(len(choice.names), 'layer')} in float a file would take about "
            f"{choice.time:.1f} times as long as int8, and one all in float {times}"
        )


def causes(
    quantized: Quantized, source: Source, missing: float, size: tuple[int, int], watch: Watch
) -> Causes:
    """Look for the layers that make a graph's loss; arguments as for `diagnose`."""
    from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation
    from edge_imgq.quantize.mixed_precision.precision_search import PrecisionSearch
    from edge_imgq.quantize.mixed_precision.worst_layers import rounding_errors, worst_layers

    peak = source.contract.peak
    patches = quantized.patches.held_out(peak)[:PATCHES]
    board = LayerAblation(quantized.original, quantized.model, patches, peak)
    graph = at_size(quantized.original, size).graph
    errors = rounding_errors(graph, board, telling(watch))
    psnr, more, best = board.psnr(board.names), missing + MARGIN, board.psnr(())
    profile = estimated_profile()
    search = PrecisionSearch(graph, board, errors, profile)
    in_float = float_file_time(source, size, profile)
    return Causes(
        worst_layers(graph, errors),
        psnr,
        min(psnr + more, best),
        min(psnr_after(quantized.steps) + more, best),
        best,
        search,
        profile.name,
        NO_FLOAT_FILE if in_float is None else in_float / search.plain,
    )


def telling(watch: Watch) -> Callable[[str], None]:
    """Return what tells a watch in words."""
    return lambda what: watch(ProgressStep(what, 0, 1))


def _mend(choice: Choice, found: Causes, commands: tuple[str, ...]) -> Mend | Skipped:
    if choice.psnr < found.wanted:
        return Skipped(
            f"{len(choice.names)} layers in float would not do: many layers lose. Ship a float "
            "file, or try `--scheme int8-auto`, which looks among all layers, or `--scheme "
            "int8-thorough`; both take some minutes"
        )
    if not found.is_clearly_faster(choice):
        return Skipped(f"{found.is_no_gain(choice).reason}: ship a float file")
    names = tuple(sorted(choice.names))
    return Mend(names, choice.psnr, choice.time, found.time_in_float, commands)


def _commands(words: Words, fidelity: float) -> tuple[str, ...]:
    name, size = Path(words.model).stem, f" --size {words.size[0]}x{words.size[1]}"
    said = f" {shlex.quote(words.model)}"
    shared = size if words.sized else ""
    if words.calibration is not None:
        shared += f" --calibration {shlex.quote(str(words.calibration))}"
    if words.pixels is not None:
        shared += f" --range={words.pixels.low:g},{words.pixels.high:g}"
    shared += "".join(f" {shlex.quote(word)}" for word in words.ports)
    if str(words.output) != DEFAULT_OUTPUT:
        shared += f" --output {shlex.quote(str(words.output))}"
    if automatic := automatic_form(words.scheme):
        return (f"edge-imgq export{said} --target '*-int8' --scheme {automatic}{shared}",)
    scheme = "" if words.scheme == "int8" else f" --scheme {shlex.quote(words.scheme)}"
    mixed = shlex.quote(str(words.output / name / "mixed.toml"))
    goal = f" --fidelity {math.ceil(fidelity * 10) / 10:.1f}"
    return (
        f"edge-imgq sensitivity{said}{goal}{scheme}{shared}",
        f"edge-imgq export{said} --target '*-int8' --scheme {mixed}{shared}",
    )
