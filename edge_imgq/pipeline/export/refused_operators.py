"""Find the operators that targets cannot express, before anything slow is done.

A writer would refuse them too, but for int8 only after calibration. The tables of the writers are
applied to the float graph after the target's passes. Quantization adds scales and removes no
operator, so the result is the same.
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
    """A target with the settings of its file.

    Attributes:
        recipe: export recipe of the target.
        passes: names of further passes on the float graph before it is lowered or quantized.
        order: settings for the writer.
    """

    recipe: ExportRecipe
    passes: tuple[str, ...]
    order: ExportSpec

    @property
    def kernels(self) -> KernelProfile:
        """Kernel profile of the processor that the file is for, as the recipe states it."""
        return kernels_of(self.recipe)


def target_plans(
    source: Source,
    recipes: Sequence[ExportRecipe],
    schemes: Mapping[str, QuantizeRecipe],
    sizes: Mapping[str, tuple[Size, ...]],
) -> tuple[TargetPlan, ...]:
    """Return the plan of each target; an int8 target has the passes of its scheme.

    Args:
        source: the model.
        recipes: export recipes of the targets.
        schemes: quantization recipes by name.
        sizes: (height, width) of the image, for each target by name.
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
    """Record the targets that cannot express some of a model's operators.

    Targets whose writer's package is not installed are recorded too.

    Args:
        source: the model.
        plans: plans of all targets.
        failures: receives an error for each such target, which names the operators.
        between: actions after each phase of passes.

    Raises:
        UnsupportedOperatorError: no target can express all operators. The message lists every kind
            of operator once, with its nodes, the targets and their reasons.
    """
    by_target: dict[str, tuple[Refusal, ...]] = {}
    kinds = {plan.recipe.name: FORMATS[plan.recipe.format].name for plan in plans}
    watchers = {p.passes: between.watcher(source.model, _sharing(p, plans)) for p in plans}
    for plan in plans:
        with failures.of([plan.recipe.name]):
            _refuse_without_writer(plan.recipe)
            graph = source.prepared(plan.passes, plan.kernels, watchers.pop(plan.passes, None))
            refusals = _refusals(graph, plan)
            if refusals:
                by_target[plan.recipe.name] = refusals
    able = [name for name in kinds if name not in by_target and name not in failures]
    for name, refusals in by_target.items():
        failures.add(name, as_error(kinds[name], source.name, refusals, alone=not able))
    if len(by_target) == len(plans):
        raise _refusal_of_all(source, by_target)


def _refuse_without_writer(recipe: ExportRecipe) -> None:
    """Refuse a target whose files need a package that is not installed.

    Raises:
        RuntimeUnavailableError: the package is missing; the message says what to install.
    """
    if reason := missing_writer(recipe):
        raise RuntimeUnavailableError(reason)


def missing_writer(recipe: ExportRecipe) -> str:
    """Describe the missing package that would write a target's files, and how to install it.

    "" if none is missing.
    """
    extra = FORMATS[recipe.format].extra
    is_missing = extra is not None and extra.writes and extra.is_missing
    return extra.reason if extra is not None and is_missing else ""


def _sharing(plan: TargetPlan, plans: Sequence[TargetPlan]) -> list[str]:
    """Return the targets with the same passes as a plan, itself included."""
    return [other.recipe.name for other in plans if other.passes == plan.passes]


def _refusal_of_all(
    source: Source, by_target: Mapping[str, Sequence[Refusal]]
) -> UnsupportedOperatorError:
    """Return an error that lists every operator once, with the targets and their reasons."""
    nodes: dict[tuple[str, str], dict[str, list[str]]] = {}
    for target, refusals in by_target.items():
        for refusal in refusals:
            reasons = nodes.setdefault((refusal.kind, refusal.node), {})
            reasons.setdefault(refusal.reason, []).append(target)
    heading = (
        f"No target has a form for {count_of(len(nodes), 'operator')} of '{source.name}', "
        "so no file was written:"
    )
    return UnsupportedOperatorError("\n".join([heading, *_listed(nodes)]))


def refused(source: Source, plans: Sequence[TargetPlan]) -> dict[str, tuple[Refusal, ...]]:
    """Return the refused operators of every target, by its name; () if nothing is refused.

    The model is prepared with each target's passes and kernel profile; nothing is written.

    Raises:
        RecipeError: a pass of a plan does not exist.
    """
    return {
        plan.recipe.name: _refusals(source.prepared(plan.passes, plan.kernels), plan)
        for plan in plans
    }


def _refusals(graph: PreparedGraph, plan: TargetPlan) -> tuple[Refusal, ...]:
    """Return the operators that a target refuses in the graph after its passes."""
    several = _outputs_refused(plan)
    return several or functions_of(plan.recipe.format).refusals(graph, plan.order)


def _outputs_refused(plan: TargetPlan) -> tuple[Refusal, ...]:
    """Return a refusal if a model has several outputs and the files of a target only one."""
    from edge_imgq.export.refusal import Refusal

    file_format, compiled = FORMATS[plan.recipe.format], plan.order.processor in CHIPS
    others = plan.order.note.contract.others
    if not others or (file_format.returns_several and not compiled):
        return ()
    files = (
        "a file that is compiled for an NPU" if compiled else f"a file of {file_format.name} here"
    )
    able = [each.name for each in FORMATS.values() if each.returns_several]
    reason = (
        f"{files} returns one result; name the one that is wanted, --output-name NAME. Files of "
        f"{', '.join(able[:-1])} and {able[-1]} return all."
    )
    return (Refusal("Output", others[0].name, reason),)


def _listed(nodes: Mapping[tuple[str, str], Mapping[str, Sequence[str]]]) -> list[str]:
    """Return lines of text: one per kind of operator, then one per reason with its targets.

    Nodes of a kind share these lines if the same targets refuse them for the same reasons.
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
