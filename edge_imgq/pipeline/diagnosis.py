"""From files over budget to the layers that cause it, and to the command that mends it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.contract import PixelRange
from edge_imgq.pipeline.estimates import at_size, float_file_time
from edge_imgq.pipeline.step import Step, Watch
from edge_imgq.quantize.step import psnr_after
from edge_imgq.recipe.export import Budget, recipe_name
from edge_imgq.report.diagnosis import NO_FILES, NOT_BY_ROUNDING, WITHIN, Diagnosis, Mend
from edge_imgq.report.report import TargetReport
from edge_imgq.report.sensitivity import CLEARLY
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Drop

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.quantize.precision_search import Choice
    from edge_imgq.quantize.quantize import Quantized
    from edge_imgq.quantize.switches import Switchboard

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
    """

    model: str
    scheme: str
    calibration: Path | None
    pixels: PixelRange | None
    output: Path
    size: tuple[int, int]
    sized: bool


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


def _missing(target: TargetReport, budget: Budget) -> float:
    lacks = [budget.psnr_vs_reference - target.vs_reference.mean]
    if isinstance(target.drop, Drop):
        for drop, allowed in (
            (target.drop.mean, budget.psnr_drop),
            (target.drop.worst, budget.psnr_drop_worst),
        ):
            if drop > allowed:
                # An error of e raises that of the float image, 1, to 1 + e: the drop in dB.
                lacks.append(10 * math.log10(_error(drop) / _error(max(allowed, LEAST_DROP))))
    return max(lacks)


def _error(drop: float) -> float:
    return float(10 ** (drop / 10) - 1)


def diagnose(
    quantized: Quantized, reference: ir.Model, peak: float, missing: float, words: Words,
    watch: Watch,
) -> Diagnosis:  # fmt: skip
    """Find the layers that make a graph's loss, and few that mend it in float.

    Args:
        quantized: the graph, and the float graph that it was made from.
        reference: the normalised float model.
        peak: float value of pixel 255.
        missing: dB that the graph must come nearer to the float model.
        words: of the person.
        watch: told what is measured.
    """
    from edge_imgq.quantize.loud_layers import loud_layers, rounding_errors
    from edge_imgq.quantize.precision_search import PrecisionSearch
    from edge_imgq.quantize.switches import Switchboard

    def tell(what: str) -> None:
        watch(Step(what, 0, 1))

    patches = quantized.patches.held_out(peak)[:PATCHES]
    board: Switchboard = Switchboard(quantized.original, quantized.model, patches, peak)
    graph = at_size(quantized.original, words.size).graph
    errors = rounding_errors(graph, board, tell)
    found = loud_layers(graph, errors)
    psnr = board.psnr(board.names)
    wanted = psnr + missing + MARGIN
    search = PrecisionSearch(graph, board, errors)
    choice = search.find(wanted, tell, MOST_MOVES)
    in_float = float_file_time(reference, words.size)
    time = NO_FLOAT_FILE if in_float is None else in_float / search.plain
    aim = psnr_after(quantized.steps) + missing + MARGIN
    return Diagnosis(found, psnr, wanted, _mend(choice, wanted, time, _commands(words, aim)))


def _mend(
    choice: Choice, wanted: float, in_float: float | Skipped, commands: tuple[str, ...]
) -> Mend | Skipped:
    if choice.psnr < wanted:
        return Skipped(
            f"{len(choice.names)} layers in float would not do: many layers lose. Ship a float "
            "file, or try `--scheme int8-thorough`, which takes some minutes"
        )
    if not isinstance(in_float, Skipped) and in_float <= CLEARLY * choice.time:
        return Skipped(
            f"with {len(choice.names)} layers in float a file would take about "
            f"{choice.time:.1f} times as long as int8, and one all in float {in_float:.1f} times: "
            "ship a float file"
        )
    return Mend(tuple(sorted(choice.names)), choice.psnr, choice.time, in_float, commands)


def _commands(words: Words, fidelity: float) -> tuple[str, str]:
    name, size = Path(words.model).stem, f" --size {words.size[0]}x{words.size[1]}"
    said = f" {shlex.quote(words.model)}"
    shared = size if words.sized else ""
    if words.calibration is not None:
        shared += f" --calibration {shlex.quote(str(words.calibration))}"
    if words.pixels is not None:
        shared += f" --range={words.pixels.low:g},{words.pixels.high:g}"
    if str(words.output) != DEFAULT_OUTPUT:
        shared += f" --output {shlex.quote(str(words.output))}"
    scheme = "" if words.scheme == "int8" else f" --scheme {shlex.quote(words.scheme)}"
    mixed = shlex.quote(str(words.output / name / "mixed.toml"))
    goal = f" --fidelity {math.ceil(fidelity * 10) / 10:.1f}"
    return (
        f"edge-imgq sensitivity{said}{goal}{scheme}{shared}",
        f"edge-imgq export{said} --target '*-int8' --scheme {mixed}{shared}",
    )
