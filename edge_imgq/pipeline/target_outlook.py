"""Ask targets whether they can be exported for a model, at which size and by which passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.errors import ModelError
from edge_imgq.pipeline.export.failures import Failures
from edge_imgq.pipeline.open_model.source import Source, refuse_odd_size
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.graph.pass_pipeline import PhaseRecord
    from edge_imgq.pipeline.export.refused_operators import TargetPlan
    from edge_imgq.ports import PortRequests
    from edge_imgq.recipe.export import ExportRecipe
    from edge_imgq.recipe.quantize import QuantizeRecipe
    from edge_imgq.report.description import PassesOfTargets, TargetOutlook

Size = tuple[int, int]


@dataclass(frozen=True)
class AskedTargets:
    """Targets that are asked about a model.

    Attributes:
        recipes: their valid export recipes, one or more.
        schemes: quantization recipes of these, by name.
        invalid: targets whose recipes are not valid, with the errors.
    """

    recipes: tuple[ExportRecipe, ...]
    schemes: Mapping[str, QuantizeRecipe]
    invalid: Failures


@dataclass(frozen=True)
class SizedPlan:
    """The plan of a target's file.

    Attributes:
        plan: settings of the file, with one size.
        recipe_size: that size if the recipe states it for the model; None if the user or the model
            states it, or `export` needs --size.
    """

    plan: TargetPlan
    recipe_size: Size | None


def asked_targets(
    names: Sequence[str], requested: PortRequests
) -> tuple[AskedTargets, PortRequests]:
    """Return the targets to ask, and the ports to open the model with.

    Args:
        names: names, globs or families of targets, whose recipes also choose ports; empty for all,
            whatever ports their recipes choose.
        requested: ports that the user chose.

    Raises:
        UsageError: a name is of no target.
        RecipeError: no recipe is valid, or the named ones choose other ports than the user or than
            each other.
    """
    from edge_imgq.pipeline.export.recipe_ports import ports_of
    from edge_imgq.pipeline.export.requested_recipes import requested_recipes
    from edge_imgq.recipe.folders import export_targets

    invalid = Failures()
    recipes, schemes = requested_recipes(names or export_targets(), "", invalid)
    ports = ports_of(recipes, requested) if names else requested
    return AskedTargets(recipes, schemes, invalid), ports


def sized_plans(
    source: Source, size: Size | None, asked: AskedTargets, *, is_given: bool
) -> tuple[SizedPlan, ...]:
    """Return the plan of the file of each valid export recipe.

    Args:
        source: the model.
        size: (height, width) at which it is described.
        asked: the targets.
        is_given: True if the user gave that size.
    """
    from edge_imgq.graph.shapes.size import own_size
    from edge_imgq.pipeline.export.input_sizes import own_recipes
    from edge_imgq.pipeline.export.refused_operators import target_plans

    is_stated = is_given or own_size(source.model) is not None
    own = () if is_stated else own_recipes((), asked.recipes)
    sizes = {r.name: (r.size if r.name in own else size or r.size,) for r in asked.recipes}
    plans = target_plans(source, asked.recipes, asked.schemes, sizes)
    return tuple(SizedPlan(p, p.recipe.size if p.recipe.name in own else None) for p in plans)


def target_outlook(
    source: Source, size: Size | None, plans: Sequence[SizedPlan], invalid: Failures
) -> tuple[TargetOutlook, ...] | Skipped:
    """Return the operators that each target would refuse, if the package that writes it is here.

    Args:
        source: the model.
        size: (height, width) at which it is described.
        plans: plans of the targets.
        invalid: targets whose recipes are not valid, with the errors.

    Returns:
        One outlook per export recipe, sorted by name; the reason if `export` refuses the model
        itself.
    """
    from edge_imgq.pipeline.export.refused_operators import refused
    from edge_imgq.report.description import RefusedOperator, TargetOutlook

    try:
        if size is not None:
            refuse_odd_size(source, size)
        # A target that no file can be written for is not asked: that would import torch.
        absent = {sized.plan.recipe.name: _absence(source, sized) for sized in plans}
        refusals = refused(source, [s.plan for s in plans if not absent[s.plan.recipe.name]])
    except ModelError as error:
        return Skipped(str(error))
    outlook = [TargetOutlook(one.target, (), (), one.reason) for one in invalid.reported()]
    outlook += [
        TargetOutlook(
            name := sized.plan.recipe.name,
            tuple(RefusedOperator(r.operator, r.reason) for r in refusals.get(name, ())),
            _missing_compilers(sized.plan.recipe.chips),
            absent[name],
            sized.recipe_size,
        )
        for sized in plans
    ]
    return tuple(sorted(outlook, key=lambda row: row.target))


def _absence(source: Source, sized: SizedPlan) -> str:
    """Return why a target has no file whatever the operators are; "" if it can have one."""
    from edge_imgq.pipeline.export.refused_operators import missing_writer

    try:
        refuse_odd_size(source, sized.plan.order.sizes[0])
    except ModelError as error:
        return str(error)
    return missing_writer(sized.plan.recipe)


def _missing_compilers(chips: Sequence[str]) -> tuple[str, ...]:
    """Return the reason for each vendor of the chips whose NPU compiler is missing here."""
    from edge_imgq.chips import CHIPS
    from edge_imgq.export.npu.sdk import find_sdk

    vendors = (CHIPS[chip].vendor for chip in chips)
    compilers = {vendor.name: find_sdk(vendor) for vendor in vendors}
    return tuple(sdk.reason for sdk in compilers.values() if isinstance(sdk, Skipped))


def passes_of_targets(source: Source, plans: Sequence[SizedPlan]) -> tuple[PassesOfTargets, ...]:
    """Run the passes of every target, and return how many nodes each pass rewrote.

    Targets with the same passes share one entry.
    """
    from edge_imgq.graph.passes.canonical import PHASES
    from edge_imgq.report.description import PassesOfTargets, PassRow, PhaseRow

    entries = [(phase.name, entry) for phase in PHASES for entry in phase.passes()]
    reasons = {(phase, entry.name): entry.reason for phase, entry in reversed(entries)}
    targets: dict[tuple[str, ...], list[str]] = {}
    for sized in plans:
        targets.setdefault(sized.plan.passes, []).append(sized.plan.recipe.name)
    results = []
    for passes, names in targets.items():
        rows: list[PhaseRow] = []

        def note(record: PhaseRecord, _graph: ir.Model, rows: list[PhaseRow] = rows) -> None:
            fired = (
                PassRow(name, count, reasons.get((record.phase, name), ""))
                for name, count in record.fired
            )
            rows.append(PhaseRow(record.phase, tuple(fired), record.nodes))

        source.prepared(passes, watcher=note)
        results.append(PassesOfTargets(tuple(names), len(source.model.graph), tuple(rows)))
    return tuple(results)
