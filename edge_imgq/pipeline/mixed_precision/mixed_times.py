"""Time mixed-precision files in turns with the int8 files that they replace and float files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge_imgq.artifact import remove
from edge_imgq.devices.host import HostSession
from edge_imgq.devices.protocol import RUNS
from edge_imgq.devices.stopwatch import Stopwatch, time_in_turns
from edge_imgq.pipeline.export.failures import Failures
from edge_imgq.pipeline.export.write_targets import ExportPlan, TargetJob, target_jobs, write_files
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.recipe.export import ExportRecipe
from edge_imgq.recipe.folders import valid_recipes
from edge_imgq.report.diagnosis import FileTimes
from edge_imgq.skipped import Skipped

SECONDS = 12.0
"""Seconds to time the three files of a target, together."""


def float_recipe(recipe: ExportRecipe) -> ExportRecipe | None:
    """Return the recipe of a float file of the same format for CPUs; None if there is none.

    The first in the order of recipe names is taken.
    """
    recipes = [r for r in valid_recipes() if not r.scheme and r.kind == "cpu"]
    return next((r for r in recipes if r.format == recipe.format), None)


def times_of_files(
    plan: ExportPlan, stage: Path, int8: Path, threads: int, watch: Watch
) -> tuple[FileTimes, ...]:
    """Measure the latency of a scheme's mixed files, each in turns with its int8 and float file.

    Files that this host cannot time are left out. The float file is written for this and removed.
    A target takes about 12 seconds.

    Args:
        plan: plan with the files of the scheme only.
        stage: folder of the mixed files.
        int8: folder of the files of the same names with all layers in int8.
        threads: processor threads.
        watch: called before each file.

    Raises:
        RecipeError: a recipe cannot be read.
    """
    return tuple(_times(plan, stage, int8, threads, watch))


def _times(
    plan: ExportPlan, stage: Path, int8: Path, threads: int, watch: Watch
) -> Iterator[FileTimes]:
    for work in target_jobs(plan, stage):
        other = float_recipe(work.recipe)
        if other is None or not work.path.exists():
            continue
        path = stage / f".{other.name}{work.path.suffix}"
        sizes = {**plan.sizes, other.name: work.sizes}
        in_float = replace(plan, recipes=(other,), sizes=sizes)
        own = [TargetJob(other.name, other, work.sizes, path, "cpu")]
        written = write_files(in_float, {}, own, Failures(), watch)
        if not written:
            continue
        watch(ProgressStep(f"time {work.target} in turns with {other.name}", 0, 1))
        milliseconds = _in_turns((work.path, int8 / work.path.name, path), work.sizes[0], threads)
        remove(path)
        if not isinstance(milliseconds, Skipped):
            mixed_ms, int8_ms, float_ms = milliseconds
            yield FileTimes(work.target, other.name, mixed_ms, int8_ms, float_ms)


def _in_turns(
    paths: tuple[Path, ...], size: tuple[int, int], threads: int
) -> list[float] | Skipped:
    """Return the shortest time of each file in milliseconds; the reason if one cannot be timed."""
    watches = []
    for path in paths:
        watch = HostSession.of(path, threads).stopwatch(size)
        if not isinstance(watch, Stopwatch):
            return watch
        watches.append(watch)
    time_in_turns(watches, RUNS, seconds=SECONDS)
    return [1e3 * min(min(batch.seconds) for batch in watch.batches) for watch in watches]
