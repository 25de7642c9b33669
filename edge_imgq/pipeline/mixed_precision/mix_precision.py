"""Rewrite int8 files over budget with some layers in float.

All files of a scheme share one quantized graph, so they share the choice of layers. The int8 files
stay unless a choice brings every file within its budget in clearly less time than a float file,
which loses nothing. Estimated times decide which choices are tried; if files are timed, measured
times decide for each target whether its mixed file is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import REFERENCE_FOLDER, move, remove, write_text
from edge_imgq.devices.kernels import host_profile
from edge_imgq.pipeline.export.failures import Failures
from edge_imgq.pipeline.export.int16_graph import int16_stem
from edge_imgq.pipeline.export.write_and_verify import write_and_verify
from edge_imgq.pipeline.export.write_targets import (
    ExportPlan,
    Graph,
    target_jobs,
    tuning_state,
    write_graph,
)
from edge_imgq.pipeline.mixed_precision.diagnosis import (
    MARGIN,
    Causes,
    causes,
    lacking_fidelity,
    missing_fidelity,
    telling,
)
from edge_imgq.pipeline.mixed_precision.mixed_times import times_of_files
from edge_imgq.pipeline.mixed_precision.reason_for_float import (
    file_failures,
    graph_failure,
    reason_for_float,
)
from edge_imgq.pipeline.mixed_precision.search_float_layers import choose
from edge_imgq.pipeline.progress import Watch
from edge_imgq.pipeline.verify.verify import Terms
from edge_imgq.pipeline.verify.worst_images import WorstImages
from edge_imgq.quantize.steps.quantization_step import psnr_after
from edge_imgq.recipe.export import recipe_name
from edge_imgq.recipe.mixed_precision import with_precision
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.report.diagnosis import (
    CLEARLY,
    NOT_BY_ROUNDING,
    Diagnosis,
    FileTimes,
    MixedPrecision,
)
from edge_imgq.report.report import TargetReport
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.quantize.mixed_precision.precision_search import Choice

MIXED = "mixed"
"""Stem of the written recipe and of its graph."""


@dataclass(frozen=True)
class OverBudget:
    """Files of a quantization scheme that exceed their budget.

    Attributes:
        scheme: name of the scheme.
        text: TOML text of its recipe.
        graph: quantized graph of the files.
        targets: reports of the files.
        missing: dB by which their PSNR to the float model must rise.
    """

    scheme: str
    text: str
    graph: Graph
    targets: tuple[TargetReport, ...]
    missing: float


@dataclass(frozen=True)
class Mixed:
    """Result of `mix`.

    Attributes:
        diagnosis: layers that cause the loss, and what was done about them.
        graph: quantized graph of the mixed files; the given one if no file was replaced.
        targets: reports of the mixed files that were kept; the given reports if none was.
    """

    diagnosis: Diagnosis
    graph: Graph
    targets: tuple[TargetReport, ...]


def mix(plan: ExportPlan, over: OverBudget, stage: Path, terms: Terms, watch: Watch) -> Mixed:
    """Rewrite the files of a scheme with some layers in float if that meets budget and time.

    If it does not, the files are put back as they were, and the result says why.

    Args:
        plan: plan of the export.
        over: files over budget.
        stage: folder of the files and their references; receives the recipe `mixed.toml`.
        terms: settings of the verification.
        watch: called before each step.

    Raises:
        ModelError: the model does not fit the size of its first file.
        RecipeError: a recipe cannot be read.
        OSError, OutputError: a file cannot be written, moved or deleted.
    """
    own = _plan_of(plan, over)
    size = own.sizes[own.recipes[0].name][0]
    loss = causes(over.graph.quantized, plan.source, over.missing, size, watch)
    attempts = _Attempts(
        own, over, stage, replace(terms, worst_images=terms.worst_images.empty()), loss, watch
    )
    attempts.put_aside()
    choice, is_enough = choose(
        loss.search, loss.wanted, loss.best, attempts.lacking, telling(watch)
    )
    measured: tuple[FileTimes, ...] = ()
    if is_enough:
        choice = attempts.fewer(choice)
        measured = attempts.measured()
        if {time.target for time in measured if not time.is_kept} < attempts.made:
            return attempts.taken(choice, measured, terms.worst_images)
    attempts.put_back()
    mixed = reason_for_float(own.recipes, loss, choice, attempts.failure, measured)
    return Mixed(_diagnosis(loss, mixed), over.graph, over.targets)


def _plan_of(plan: ExportPlan, over: OverBudget) -> ExportPlan:
    """Return the plan reduced to the files of the scheme that were written."""
    written = {recipe_name(target.target) for target in over.targets}
    own = tuple(r for r in plan.recipes if r.scheme == over.scheme and r.name in written)
    return replace(plan, recipes=own)


def _diagnosis(loss: Causes, mixed: MixedPrecision | Skipped) -> Diagnosis:
    return Diagnosis(loss.layers, loss.psnr, loss.wanted, mixed)


class _Attempts:
    """Makes the graph and files of one choice after another; those of the last choice remain.

    Methods raise OSError where a file cannot be written, moved or deleted.

    Attributes:
        failure: what the last choice's graph or files fail, as a clause; empty if they meet their
            budgets, or were not made because the choice is not faster than float.
    """

    def __init__(
        self,
        plan: ExportPlan,
        over: OverBudget,
        stage: Path,
        terms: Terms,
        loss: Causes,
        watch: Watch,
    ) -> None:
        self._plan, self._over, self._stage, self._terms = plan, over, stage, terms
        self._loss, self._watch = loss, watch
        self._name = MIXED if MIXED not in plan.schemes else f"{over.scheme}-{MIXED}"
        self._paths = [work.path for work in target_jobs(plan, stage)]
        self._graph, self._targets = over.graph, over.targets
        self._decides = terms.timed and host_profile().multiplies_bytes
        self._kernels, self._lack = plan.kernels_of(over.scheme), 0.0
        self.failure = ""

    @property
    def made(self) -> set[str]:
        """Targets that have a file."""
        return {target.target for target in self._targets}

    def put_aside(self) -> None:
        """Move the existing int8 files into a new hidden folder; their names become free."""
        self._aside.mkdir()
        for path in filter(Path.exists, self._paths):
            move(path, self._aside)

    def put_back(self) -> None:
        """Undo `put_aside`: move the int8 files back, in place of those of the last choice.

        The graph of that choice is removed.
        """
        for path in self._paths:
            self._put_back(path)
        remove(self._aside)
        self._remove_graph(self._name)

    def lacking(self, choice: Choice) -> float:
        """Make the files of a choice, and return the PSNR in dB that they lack.

        Returns:
            At most 0 if the files meet their budgets; infinity if more float layers cannot help:
            the choice is not faster than float, a target has no file, or writing causes the loss.
        """
        self.failure = ""
        if not self._loss.is_clearly_faster(choice, 1.0 if self._decides else CLEARLY):
            return math.inf
        recipe = self._quantized(choice)
        psnr = psnr_after(self._graph.steps)
        if psnr >= self._loss.aim:
            return self._lacking_files(recipe)
        self.failure = graph_failure(psnr, self._loss.aim)
        return self._loss.aim - psnr

    def fewer(self, choice: Choice) -> Choice:
        """Return a faster choice within budget if the files have dB to spare, else the given one.

        The files in the folder are afterwards those of the returned choice.
        """
        spare = -self._lack - MARGIN
        if spare < MARGIN:
            return choice
        faster = self._loss.search.find(choice.psnr - spare, telling(self._watch))
        if not faster.names or faster.time >= choice.time:
            return choice
        if self._lacking_files(self._quantized(faster)) <= 0:
            return faster
        self._lacking_files(self._quantized(choice))
        return choice

    def measured(self) -> tuple[FileTimes, ...]:
        """Time the mixed files, and mark those to keep; return nothing if files are not timed.

        A host without 8-bit products does not predict phones, which have them: there all files are
        kept, as the estimates chose.
        """
        if not self._terms.timed:
            return ()
        times = times_of_files(
            self._plan, self._stage, self._aside, self._terms.threads, self._watch
        )
        kept = [time.is_clearly_faster or not self._decides for time in times]
        return tuple(replace(t, is_kept=keep) for t, keep in zip(times, kept, strict=True))

    def _quantized(self, choice: Choice) -> QuantizeRecipe:
        """Write the quantized graph of a choice, and return its recipe."""
        recipe = self._recipe(choice)
        state, kernels = tuning_state(self._stage.parent, recipe.name), self._kernels
        self._graph = write_graph(self._plan, recipe, kernels, self._stage, state, self._watch)
        return recipe

    def _put_back(self, path: Path) -> None:
        if (before := self._aside / path.name).exists():
            remove(path)
            move(before, path.parent)

    def _lacking_files(self, recipe: QuantizeRecipe) -> float:
        """Write and verify the files of a recipe; return the dB that they lack, as `lacking` does.

        How far they exceed their budgets is kept in `_lack` if all meet them.
        """
        recipes = tuple(replace(r, scheme=recipe.name) for r in self._plan.recipes)
        plan, failures = replace(self._plan, recipes=recipes), Failures()
        report = write_and_verify(
            plan, {recipe.name: self._graph}, self._stage, self._terms, failures, self._watch
        )
        self._targets = report.targets
        unwritten = (f"{failed.target}: {failed.reason}" for failed in failures.reported())
        self.failure = file_failures((*report.breaches, *unwritten))
        if {t.target for t in self._over.targets} - {t.target for t in report.targets}:
            return math.inf
        budgets = {r.name: r.budget for r in recipes}
        if not any(target.breaches for target in report.targets):
            self._lack = lacking_fidelity(report.targets, budgets)
            return 0.0
        lack = missing_fidelity(report.targets, budgets)
        if not isinstance(lack, Skipped):
            return lack
        if lack == NOT_BY_ROUNDING:
            self.failure += f"; {lack.reason}"
        return math.inf

    def taken(
        self, choice: Choice, measured: Sequence[FileTimes], worst_images: WorstImages
    ) -> Mixed:
        """Keep the mixed files that are fast enough, restore the others, and write the recipe.

        Args:
            choice: choice that the files were made by.
            measured: times of the files; empty to keep all.
            worst_images: receives the worst images of the kept files.
        """
        before, after = psnr_after(self._over.graph.steps), psnr_after(self._graph.steps)
        names, path = self._recipe(choice).precision, self._stage / f"{self._name}.toml"
        remark = (
            f"Chosen for {self._plan.source.name} by `edge-imgq export`: {after:.1f} dB against "
            f"the float model on held-out calibration patches, {before:.1f} with all layers in "
            f"int8, at about {choice.time:.2f} times the time."
        )
        write_text(path, with_precision(self._over.text, names, remark))
        slow = {time.target for time in measured if not time.is_kept}
        for work in target_jobs(self._plan, self._stage):
            if work.target in slow:
                self._put_back(work.path)
        remove(self._aside)
        if not slow:
            self._drop_old_graph()
        model, mixed = self._plan.source.name, [t for t in self._targets if t.target not in slow]
        worst_images.replace((f"{model}-{t.target}" for t in mixed), self._terms.worst_images)
        breaches = tuple(
            f"{target.target} {breach}"
            for target in self._over.targets
            for breach in target.breaches
            if target.target not in slow
        )
        in_float = self._loss.time_in_float
        precision = MixedPrecision(
            tuple(names), after, choice.time, in_float, (), path.name, breaches, tuple(measured)
        )
        return Mixed(_diagnosis(self._loss, precision), self._graph, tuple(mixed))

    def _recipe(self, choice: Choice) -> QuantizeRecipe:
        base = self._plan.schemes[self._over.scheme]
        precision = dict.fromkeys(sorted(choice.names), "float")
        return replace(
            base, name=self._name, start="", when_over_budget="nothing", precision=precision
        )

    def _drop_old_graph(self) -> None:
        """Remove the int8 graph that was replaced, unless another scheme uses it."""
        schemes = self._plan.schemes
        graphs = {name: recipe.graph for name, recipe in schemes.items()}
        own = graphs.pop(self._over.scheme)
        if own not in graphs.values():
            self._remove_graph(own)

    def _remove_graph(self, name: str) -> None:
        for stem in (name, int16_stem(name)):
            remove(self._stage / REFERENCE_FOLDER / f"{stem}.onnx")

    @property
    def _aside(self) -> Path:
        return self._stage / f".{self._name}"
