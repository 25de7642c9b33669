"""Diagnose int8 files over budget: the layers that cause the loss, and commands that fix it."""

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
from edge_imgq.recipe.folders import automatic_recipe
from edge_imgq.report.diagnosis import (
    CLEARLY,
    NO_FILES,
    NOT_BY_ROUNDING,
    WITHIN,
    Diagnosis,
    MixedPrecision,
)
from edge_imgq.report.report import TargetReport
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Drop
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from edge_imgq.pipeline.open_model.source import Source
    from edge_imgq.quantize.mixed_precision.precision_search import Choice, PrecisionSearch
    from edge_imgq.quantize.quantize import Quantized

PATCHES = 2
"""Number of patches that layers are measured on; many large ones would take minutes."""

MAX_MOVES = 8
"""Most moves of the search for float layers; if they do not suffice, many layers lose."""

MIN_DROP = 1e-3
"""Lower bound in dB of a drop and of its budget, so that a ratio to a budget of 0 is defined."""

BY_WRITING = 1.0
"""Loss in dB between graph and file above which conversion, not quantization, is to blame."""

NO_FLOAT_FILE = Skipped("no recipe makes a float TFLite file")

DEFAULT_OUTPUT = "artifacts"

MARGIN = 0.5
"""dB added to the goal, since patches predict whole images only to about that."""


@dataclass(frozen=True)
class Words:
    """Options of an export, to be repeated in a suggested command.

    Attributes:
        model: name of the zoo, or path of a checkpoint or .onnx file.
        scheme: name or path of the quantization recipe.
        calibration: folder of calibration photographs; None for the manifest's.
        pixels: pixel range of an .onnx file; None if not given.
        output: output folder.
        size: (height, width) of the first file.
        sized: True if the user gave the size.
        ports: command-line options that name ports.
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
    """Return the PSNR in dB that int8 files lack to meet their budgets, the largest over the files.

    Args:
        targets: reports of the files of one quantization scheme.
        budgets: budget by recipe name.

    Returns:
        The dB, above 0; the reason if nothing is missing, no file was measured, or the loss comes
        from writing the files and not from the graph.
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
    """Return the most PSNR in dB that a file lacks to meet its budget; negative if none does.

    Args:
        targets: reports of the files, at least one.
        budgets: budget by recipe name.
    """
    return max(_missing(target, budgets[recipe_name(target.target)]) for target in targets)


def _missing(target: TargetReport, budget: Budget) -> float:
    """Return the PSNR in dB that one file lacks, by the strictest limit of its budget."""
    lacks = [budget.psnr_vs_reference - target.vs_reference.mean]
    if isinstance(target.drop, Drop):
        for drop, allowed in (
            (target.drop.mean, budget.psnr_drop),
            (target.drop.worst, budget.psnr_drop_worst),
        ):
            # If the float image has squared error 1 and int8 adds e, the drop is 10·log10(1 + e).
            error, most = _error(max(drop, MIN_DROP)), _error(max(allowed, MIN_DROP))
            lacks.append(10 * math.log10(error / most))
    return max(lacks)


def _error(drop: float) -> float:
    """Return the squared error that causes a drop in dB, relative to that of the float image."""
    return float(10 ** (drop / 10) - 1)


def diagnose(
    quantized: Quantized, source: Source, missing: float, size: tuple[int, int],
    words: Words | None, watch: Watch,
) -> Diagnosis:  # fmt: skip
    """Find the layers that cause a graph's loss, and at most eight moves to float that fix it.

    Errors are measured on two held-out patches, times are estimated.

    Args:
        quantized: quantized graph with its float graph.
        source: model of the graph.
        missing: dB by which the PSNR to the float model must rise.
        size: (height, width) of the first file.
        words: options of the export; None if no command could repeat them.
        watch: called before each measurement.

    Raises:
        ModelError: the model does not fit the size.
        RecipeError: a recipe cannot be read.
    """
    loss = causes(quantized, source, missing, size, watch)
    choice = loss.search.find(loss.wanted, telling(watch), MAX_MOVES)
    mixed = _mixed_precision(choice, loss, _commands(words, loss.aim) if words else ())
    return Diagnosis(loss.layers, loss.psnr, loss.wanted, mixed)


@dataclass(frozen=True)
class Causes:
    """Layers that cause the loss of a graph over budget, and the goal of a search.

    All PSNR are in dB to the float model.

    Attributes:
        layers: layers that cause most of the loss.
        psnr: PSNR of the graph on the first two held-out patches (PATCHES).
        wanted: PSNR on these patches at which the files are expected to meet their budget.
        aim: the same on all held-out patches, on which the quantizer's steps are judged.
        best: PSNR on the first patches with all layers in float.
        search: search for layers to keep in float.
        processor: processor family whose kernel times the estimates use.
        time_in_float: estimated time of a float file relative to all layers in int8; the reason if
            no recipe makes one.
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
        """Return True if a float file is estimated to take `clearly` times as long as a choice.

        Or longer. Also True if no recipe makes a float file.

        Args:
            choice: float layers, with their estimated time.
            clearly: ratio of times, 1.25 by default.
        """
        in_float = self.time_in_float
        return isinstance(in_float, Skipped) or in_float >= clearly * choice.time

    def no_gain(self, choice: Choice) -> Skipped:
        """Return the reason to reject a choice that is not clearly faster than a float file.

        It states both estimated times as multiples of int8's. Whether the choice is slower is not
        checked.
        """
        in_float = self.time_in_float
        times = "" if isinstance(in_float, Skipped) else f"{in_float:.1f} times"
        return Skipped(
            f"with {count_of(len(choice.names), 'layer')} in float a file would take about "
            f"{choice.time:.1f} times as long as int8, and one all in float {times}"
        )


def causes(
    quantized: Quantized, source: Source, missing: float, size: tuple[int, int], watch: Watch
) -> Causes:
    """Measure which layers cause a graph's loss, on two held-out patches, and set up a search.

    The search aims at half a dB more than is missing, at most at the PSNR of all layers in float.

    Args:
        quantized: quantized graph with its float graph.
        source: model of the graph.
        missing: dB by which the PSNR to the float model must rise.
        size: (height, width) that times are estimated at.
        watch: called before each measurement.

    Raises:
        ModelError: the model does not fit the size.
        RecipeError: a recipe cannot be read.
    """
    from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation
    from edge_imgq.quantize.mixed_precision.precision_search import PrecisionSearch
    from edge_imgq.quantize.mixed_precision.worst_layers import rounding_errors, worst_layers

    peak = source.contract.peak
    patches = quantized.patches.held_out(peak)[:PATCHES]
    ablation = LayerAblation(quantized.original, quantized.model, patches, peak)
    graph = at_size(quantized.original, size).graph
    errors = rounding_errors(graph, ablation, telling(watch))
    psnr, more, best = ablation.psnr(ablation.names), missing + MARGIN, ablation.psnr(())
    profile = estimated_profile()
    search = PrecisionSearch(graph, ablation, errors, profile)
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
    """Return a function of a description that passes it to `watch` as a step without a count."""
    return lambda what: watch(ProgressStep(what, 0, 1))


def _mixed_precision(
    choice: Choice, loss: Causes, commands: tuple[str, ...]
) -> MixedPrecision | Skipped:
    """Return the layers of a choice if it suffices and is clearly faster than float."""
    if choice.psnr < loss.wanted:
        return Skipped(
            f"{len(choice.names)} layers in float would not do: many layers lose. Ship a float "
            "file, or try `--scheme int8-auto`, which looks among all layers, or `--scheme "
            "int8-thorough`; both take some minutes"
        )
    if not loss.is_clearly_faster(choice):
        return Skipped(f"{loss.no_gain(choice).reason}: ship a float file")
    names = tuple(sorted(choice.names))
    return MixedPrecision(names, choice.psnr, choice.time, loss.time_in_float, commands)


def _commands(words: Words, fidelity: float) -> tuple[str, ...]:
    """Return commands that make mixed-precision files of a PSNR in dB to the float model."""
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
    if automatic := automatic_recipe(words.scheme):
        return (f"edge-imgq export{said} --target '*-int8' --scheme {automatic}{shared}",)
    scheme = "" if words.scheme == "int8" else f" --scheme {shlex.quote(words.scheme)}"
    mixed = shlex.quote(str(words.output / name / "mixed.toml"))
    goal = f" --fidelity {math.ceil(fidelity * 10) / 10:.1f}"
    return (
        f"edge-imgq sensitivity{said}{goal}{scheme}{shared}",
        f"edge-imgq export{said} --target '*-int8' --scheme {mixed}{shared}",
    )
