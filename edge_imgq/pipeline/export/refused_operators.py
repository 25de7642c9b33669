"""Operators that targets have no form for, found before anything slow is done.

A lowering names what it refuses when it writes, which for an int8 target is after calibration. The
same tables are asked here of the float graph as each target's passes leave it: quantization adds
scales and removes no operator, so what is refused then is refused now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.chips import CHIPS
from edge_imgq.contract import FileNote
from edge_imgq.errors import RuntimeUnavailableError, UnsupportedOperatorError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.export.refusal import as_error
from edge_imgq.formats import FORMATS
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.recipe.export import ExportRecipe, kernels_of
from edge_imgq.version import __version__
from edge_imgq.wording import count_of, nodes_in_words

if TYPE_CHECKING:
    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.prepared import PreparedGraph
    from edge_imgq.pipeline.export.failures import Failures
    from edge_imgq.pipeline.export.watch_passes import BetweenPhases
    from edge_imgq.pipeline.open_model.source import Source
    from edge_imgq.recipe.quantize import QuantizeRecipe

Size = tuple[int, int]


@dataclass(frozen=True)
class TargetPlan:
    """A target, and what its file is written from.

    Attributes:
        recipe: of the target.
        passes: that the float graph goes through before it is lowered or quantized.
        order: what the writer is told.
    """

    recipe: ExportRecipe
    passes: tuple[str, ...]
    order: ExportSpec

    @property
    def kernels(self) -> KernelProfile:
        """Of the processor that the file is for."""
        return kernels_of(self.recipe)


def target_plans(
    source: Source,
    recipes: Sequence[ExportRecipe],
    schemes: Mapping[str, QuantizeRecipe],
    sizes: Mapping[str, tuple[Size, ...]],
) -> tuple[TargetPlan, ...]:
    """Return what each target is written from; an int8 one takes its passes from its scheme.

    Args:
        source: the model.
        recipes: of the targets.
        schemes: of the int8 ones, by name.
        sizes: heights and widths of each target.
    """
    note = FileNote(source.name, "any", source.contract, __version__)
    return tuple(
        TargetPlan(
            recipe,
            schemes[recipe.scheme].passes if recipe.scheme else recipe.passes,
            ExportSpec(
                sizes[recipe.name], note, recipe.processors[0], recipe.precision == "float16"
            ),
        )
        for recipe in recipes
    )


def note_unsupported(
    source: Source, plans: Sequence[TargetPlan], failures: Failures, between: BetweenPhases
) -> None:
    """Note the targets that have no form for some of a model's operators.

    Args:
        source: the model.
        plans: all targets.
        failures: gets, for each such target, an error that names its operators.
        between: what is done with graphs between phases.

    Raises:
        UnsupportedOperatorError: no target can be written; names every kind of operator once, with
            its node or how many there are, the targets and the reasons.
    """
    found: dict[str, tuple[Refusal, ...]] = {}
    kinds = {plan.recipe.name: FORMATS[plan.recipe.format].name for plan in plans}
    watchers = {p.passes: between.watcher(source.model, _sharing(p, plans)) for p in plans}
    for plan in plans:
        with failures.of([plan.recipe.name]):
            _refuse_without_writer(plan.recipe)
            graph = source.prepared(plan.passes, plan.kernels, watchers.pop(plan.passes, None))
            refusals = _refusals(graph, plan)
            if refusals:
                found[plan.recipe.name] = refusals
    able = [name for name in kinds if name not in found and name not in failures]
    for name, refusals in found.items():
        failures.add(name, as_error(kinds[name], source.name, refusals, alone=not able))
    if len(found) == len(plans):
        raise _refusal_of_all(source, found)


def _refuse_without_writer(recipe: ExportRecipe) -> None:
    """Refuse a target whose files a package writes that is not here.

    Raises:
        RuntimeUnavailableError: says what to install.
    """
    if reason := missing_writer(recipe):
        raise RuntimeUnavailableError(reason)


def missing_writer(recipe: ExportRecipe) -> str:
    """Return what writes a target's files and is not installed here, in sentences; "" for none."""
    extra = FORMATS[recipe.format].extra
    is_missing = extra is not None and extra.writes and extra.is_missing
    return extra.reason if extra is not None and is_missing else ""


def _sharing(plan: TargetPlan, plans: Sequence[TargetPlan]) -> list[str]:
    """Return the targets whose graphs go through the same passes."""
    return [other.recipe.name for other in plans if other.passes == plan.passes]


def _refusal_of_all(
    source: Source, found: Mapping[str, Sequence[Refusal]]
) -> UnsupportedOperatorError:
    """Return the error that names every operator once, with its targets and their reasons."""
    nodes: dict[tuple[str, str], dict[str, list[str]]] = {}
    for target, refusals in found.items():
        for refusal in refusals:
            reasons = nodes.setdefault((refusal.kind, refusal.node), {})
            reasons.setdefault(refusal.reason, []).append(target)
    heading = (
        f"No target has a form for {count_of(len(nodes), 'operator')} of '{source.name}', "
        "so no file was written:"
    )
    return UnsupportedOperatorError("\n".join([heading, *_listed(nodes)]))


def refused(source: Source, plans: Sequence[TargetPlan]) -> dict[str, tuple[Refusal, ...]]:
    """Return what every target refuses, by its name."""
    return {
        plan.recipe.name: _refusals(source.prepared(plan.passes, plan.kernels), plan)
        for plan in plans
    }


def _refusals(graph: PreparedGraph, plan: TargetPlan) -> tuple[Refusal, ...]:
    """Return what a target refuses of the graph that its passes leave."""
    several = _outputs_refused(plan)
    return several or functions_of(plan.recipe.format).refusals(graph, plan.order)


def _outputs_refused(plan: TargetPlan) -> tuple[Refusal, ...]:
    """Return the second output, with what is wrong, of a target whose files return one."""
    from edge_imgq.export.refusal import Refusal

    form, compiled = FORMATS[plan.recipe.format], plan.order.processor in CHIPS
    others = plan.order.note.contract.others
    if not others or (form.returns_several and not compiled):
        return ()
    files = "a file that is compiled for an NPU" if compiled else f"a file of {form.name} here"
    reason = f"{files} returns one result; name the one that is wanted: --output-name NAME."
    return (Refusal("Output", others[0].name, reason),)


def _listed(nodes: Mapping[tuple[str, str], Mapping[str, Sequence[str]]]) -> list[str]:
    """Return a line for each kind of operator, and below it one for each reason with its targets.

    Nodes of one kind share the lines where the same targets refuse them for the same reasons.
    """
    alike: dict[tuple[tuple[str, tuple[str, ...]], ...], list[tuple[str, str]]] = {}
    for node, reasons in nodes.items():
        key = tuple((reason, tuple(targets)) for reason, targets in reasons.items())
        alike.setdefault(key, []).append(node)
    return [
        line
        for reasons, members in alike.items()
        for words in nodes_in_words(members)
        for line in (
            f"  {words}",
            *(f"    {', '.join(targets)}: {reason}" for reason, targets in reasons),
        )
    ]
