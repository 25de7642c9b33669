"""Int8 files over budget, made anew with the layers in float that bring them within it.

One quantized graph stands for all files of a scheme, so the choice does too. The files with all
layers in int8 stay where no choice is found that brings every file within its budget in clearly
less time than a float file takes, which loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import REFERENCE_FOLDER, remove, write_text
from edge_imgq.pipeline.choice import choose
from edge_imgq.pipeline.diagnosis import Causes, causes, missing_fidelity, telling
from edge_imgq.pipeline.failures import Failures
from edge_imgq.pipeline.gallery import Gallery
from edge_imgq.pipeline.step import Watch
from edge_imgq.pipeline.verify import Terms
from edge_imgq.pipeline.write import Graph, Plan, tuning_state, works, write_graph
from edge_imgq.pipeline.written_files import written_files
from edge_imgq.quantize.step import psnr_after
from edge_imgq.recipe.export import ExportRecipe, recipe_name
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.recipe.mixed_precision import with_precision
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.report.diagnosis import Diagnosis, Mend
from edge_imgq.report.report import TargetReport
from edge_imgq.skipped import Skipped
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from edge_imgq.quantize.precision_search import Choice

MIXED = "mixed"
"""Stem of the recipe that is written, and of its graph."""


@dataclass(frozen=True)
class OverBudget:
    """Files of a scheme that lose more than they may.

    Attributes:
        scheme: its name.
        text: of its recipe.
        graph: that they were made from.
        targets: what was measured of them.
        missing: dB that they must come nearer to the float model.
    """

    scheme: str
    text: str
    graph: Graph
    targets: tuple[TargetReport, ...]
    missing: float


@dataclass(frozen=True)
class Mixed:
    """What became of them.

    Attributes:
        diagnosis: what makes the loss, and what was done about it.
        graph: that the files are made from.
        targets: what was measured of the files.
    """

    diagnosis: Diagnosis
    graph: Graph
    targets: tuple[TargetReport, ...]


def mix(plan: Plan, over: OverBudget, stage: Path, terms: Terms, watch: Watch) -> Mixed:
    """Make the files of a scheme anew with layers in float, if that is worth it.

    Args:
        plan: what is exported.
        over: the files.
        stage: folder that holds them and their references, and gets the recipe.
        terms: of the verification.
        watch: told of every step.
    """
    assert over.graph.quantized is not None
    own = _plan_of(plan, over)
    size, peak = own.sizes[own.recipes[0].name][0], plan.source.contract.peak
    found = causes(over.graph.quantized, plan.source.model, peak, over.missing, size, watch)
    attempts = _Attempts(
        own, over, stage, replace(terms, gallery=terms.gallery.empty()), found, watch
    )
    attempts.put_aside()
    choice, is_enough = choose(
        found.search, found.wanted, found.best, attempts.lacking, telling(watch)
    )
    if not is_enough:
        attempts.put_back()
        mend = _ship_float(own.recipes, found, choice)
        return Mixed(_diagnosis(found, mend), over.graph, over.targets)
    return attempts.taken(choice, terms.gallery)


def _plan_of(plan: Plan, over: OverBudget) -> Plan:
    """Return the part of a plan that concerns the files of one scheme."""
    written = {recipe_name(target.target) for target in over.targets}
    own = tuple(r for r in plan.recipes if r.scheme == over.scheme and r.name in written)
    return replace(plan, recipes=own)


def _diagnosis(found: Causes, mend: Mend | Skipped) -> Diagnosis:
    return Diagnosis(found.layers, found.psnr, found.wanted, mend)


class _Attempts:
    """Graphs and files by the choices that are tried; the last ones stay."""

    def __init__(
        self, plan: Plan, over: OverBudget, stage: Path, terms: Terms, found: Causes, watch: Watch
    ) -> None:
        self._plan, self._over, self._stage, self._terms = plan, over, stage, terms
        self._found, self._watch = found, watch
        self._name = MIXED if MIXED not in plan.schemes else f"{over.scheme}-{MIXED}"
        self._paths = [work.path for work in works(plan, stage)]
        self._graph, self._targets = over.graph, over.targets

    def put_aside(self) -> None:
        """Make room for other files under the same names."""
        self._aside.mkdir()
        for path in filter(Path.exists, self._paths):
            path.rename(self._aside / path.name)

    def put_back(self) -> None:
        """Undo all that was tried."""
        for path in self._paths:
            if (before := self._aside / path.name).exists():
                remove(path)
                before.rename(path)
        remove(self._aside)
        remove(self._stage / REFERENCE_FOLDER / f"{self._name}.onnx")

    def lacking(self, choice: Choice) -> float:
        """Make the files by a choice; return the dB that they lack, infinite where that is vain."""
        if not self._found.is_clearly_faster(choice):
            return math.inf
        recipe = self._recipe(choice)
        state = tuning_state(self._stage.parent, recipe.name)
        self._graph = write_graph(self._plan, recipe, self._stage, state, self._watch)
        lack = self._found.aim - psnr_after(self._graph.steps)
        return lack if lack > 0 else self._lacking_files(recipe)

    def _lacking_files(self, recipe: QuantizeRecipe) -> float:
        recipes = tuple(replace(r, scheme=recipe.name) for r in self._plan.recipes)
        plan, failures = replace(self._plan, recipes=recipes), Failures()
        report = written_files(
            plan, {recipe.name: self._graph}, self._stage, self._terms, failures, self._watch
        )
        self._targets = report.targets
        if {t.target for t in self._over.targets} - {t.target for t in report.targets}:
            return math.inf
        if not any(target.breaches for target in report.targets):
            return 0.0
        lack = missing_fidelity(report.targets, {r.name: r.budget for r in recipes})
        return math.inf if isinstance(lack, Skipped) else lack

    def taken(self, choice: Choice, gallery: Gallery) -> Mixed:
        """Leave the files as they are now, and write the recipe that says how they were made."""
        assert self._over.graph.quantized is not None
        before, after = psnr_after(self._over.graph.steps), psnr_after(self._graph.steps)
        names, path = self._recipe(choice).precision, self._stage / f"{self._name}.toml"
        remark = (
            f"Chosen for {self._plan.source.name} by `edge-imgq export`: {after:.1f} dB from the "
            f"float model on held-out calibration patches, {before:.1f} with all layers in int8, "
            f"at about {choice.time:.2f} times the time."
        )
        write_text(path, with_precision(self._over.text, names, remark))
        remove(self._aside)
        self._drop_old_graph()
        model = self._plan.source.name
        gallery.replace((f"{model}-{t.target}" for t in self._targets), self._terms.gallery)
        spared = tuple(f"{t.target} {breach}" for t in self._over.targets for breach in t.breaches)
        mend = Mend(
            tuple(names), after, choice.time, self._found.time_in_float, (), path.name, spared
        )
        return Mixed(_diagnosis(self._found, mend), self._graph, self._targets)

    def _recipe(self, choice: Choice) -> QuantizeRecipe:
        base = self._plan.schemes[self._over.scheme]
        precision = dict.fromkeys(sorted(choice.names), "float")
        return replace(
            base, name=self._name, start="", when_over_budget="nothing", precision=precision
        )

    def _drop_old_graph(self) -> None:
        """Remove the graph of the files that are gone, unless other files come from it."""
        schemes = self._plan.schemes
        graphs = {name: recipe.graph for name, recipe in schemes.items()}
        own = graphs.pop(self._over.scheme)
        if own not in graphs.values():
            remove(self._stage / REFERENCE_FOLDER / f"{own}.onnx")

    @property
    def _aside(self) -> Path:
        return self._stage / f".{self._name}"


def _ship_float(recipes: Sequence[ExportRecipe], found: Causes, choice: Choice) -> Skipped:
    """Say that files in float are the better ones, with the figures."""
    formats = {recipe.format for recipe in recipes}
    others = [r for r in export_recipes() if not r.scheme and r.processor == "cpu"]
    names = [recipe.name for recipe in others if recipe.format in formats]
    in_float = found.time_in_float
    times = in_float.reason if isinstance(in_float, Skipped) else f"{in_float:.2f} times"
    return Skipped(
        f"ship {', '.join(names) or 'a float file'}: with {count_of(len(choice.names), 'layer')}"
        f" in float the graph comes to about {choice.psnr:.1f} dB from the float model on "
        f"calibration patches, where {found.wanted:.1f} there would bring the files within their "
        f"budget, at an estimated {choice.time:.2f} "
        f"times the time of int8; all in float, {times}"
    )
