"""Export a model to verified files.

Everything is written to a staging folder, reopened and verified there, and moved at the end; after
a failure, the earlier files are unchanged.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edge_imgq.artifact import (
    FLOAT_REFERENCE,
    REFERENCE_FOLDER,
    remove,
    sha256_of,
    staging,
    write_text,
)
from edge_imgq.contract import NOTHING_STATED, Authorship, PixelRange
from edge_imgq.formats import suffixes
from edge_imgq.pipeline.export.ai_pack import recipe_of_pack, write_pack
from edge_imgq.pipeline.export.failures import Failures
from edge_imgq.pipeline.export.input_sizes import (
    input_sizes,
    own_recipes,
    size_advice,
    sizes_to_open,
)
from edge_imgq.pipeline.export.recipe_ports import opened_by
from edge_imgq.pipeline.export.refused_operators import note_unsupported, target_plans
from edge_imgq.pipeline.export.requested_recipes import requested_recipes, warn_of_invalid
from edge_imgq.pipeline.export.watch_passes import BetweenPhases
from edge_imgq.pipeline.export.write_and_verify import write_and_verify
from edge_imgq.pipeline.export.write_targets import ExportPlan, Graph, write_references
from edge_imgq.pipeline.image_selection import (
    Images,
    calibration_images,
    covering_set,
    evaluation_images,
    network_inputs,
    refuse_copies,
    refuse_overlap,
)
from edge_imgq.pipeline.mixed_precision.diagnosis import Words, diagnose, missing_fidelity
from edge_imgq.pipeline.mixed_precision.mix_precision import OverBudget, mix
from edge_imgq.pipeline.mixed_precision.within_budget import within_budget
from edge_imgq.pipeline.open_model.original_file import with_agreement
from edge_imgq.pipeline.open_model.source import Source
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.pipeline.shipped_scheme import own_text, with_own_keys
from edge_imgq.pipeline.verify.verify import Terms
from edge_imgq.pipeline.verify.worst_images import WorstImages
from edge_imgq.recipe.export import ExportRecipe, recipe_name
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.recipe.recipe_text import quantize_recipe_toml
from edge_imgq.report.diagnosis import NO_PICTURE, WITHIN, Diagnosis
from edge_imgq.report.json_form import FILE as REPORT
from edge_imgq.report.json_form import reports_to_json
from edge_imgq.report.report import Report, SchemeReport
from edge_imgq.skipped import Skipped
from edge_imgq.verify.budget import no_picture

Size = tuple[int, int]


@dataclass(frozen=True)
class ExportRequest:
    """Arguments of `export`.

    Attributes:
        model: name of the zoo, path of a checkpoint or .onnx file, or opened model.
        targets: names, globs or families of recipes, or recipes.
        output: folder for `<model>/<target>.<ext>`.
        calibration: photographs to choose int8 ranges on; None for the manifest's.
        images: photographs to measure drift on; None for the manifest's.
        sizes: input (height, width) of the files; empty for those of the recipes.
        pixels: pixel range of an .onnx file that does not state it; None for 0 to 1.
        threads: processor threads.
        scheme: quantization recipe for all int8 targets, or its name or path; "" for each target's.
        pictures: folder for pictures of the worst images; None for none.
        timed: True to measure latency.
        graphs: folder for each target's graph after each phase of passes; None for none.
        checked: True to check shapes and types after each phase.
        ai_pack: folder for the files for NPUs as an AI pack of Google Play; None for none.
        authorship: author, licence and version to state in the files.
    """

    model: str | Source
    targets: tuple[str | ExportRecipe, ...]
    output: Path
    calibration: Images | None
    images: Images | None
    sizes: tuple[Size, ...]
    pixels: PixelRange | None
    threads: int
    scheme: str | QuantizeRecipe = ""
    pictures: Path | None = None
    timed: bool = True
    graphs: Path | None = None
    checked: bool = False
    ai_pack: Path | None = None
    authorship: Authorship = NOTHING_STATED


def export(request: ExportRequest, watch: Watch, worst_images: WorstImages | None = None) -> Report:
    """Export a model to the files of its recipes, verify them and measure their latency.

    The files move into `<output>/<model>` when all are written and measured. Measuring latency
    takes at most as long as everything before.

    Args:
        request: arguments.
        watch: called before each step.
        worst_images: keeps the worst images of each file; None for a new one, which writes them to
            `request.pictures`.

    Returns:
        The report, also written to `<output>/<model>/report.json`. Files over budget and those of
        other targets are kept; an earlier file of a failed target is removed.

    Raises:
        EdgeImgqError: no target can be written; the subclass says why. The folder is unchanged.
    """
    began, failures = time.monotonic(), Failures()
    plan = _plan(request, failures, watch)
    folder = request.output / plan.source.name
    worst_images = worst_images or WorstImages(request.pictures)
    with staging(folder) as stage:
        graphs = write_references(plan, stage, failures, watch)
        terms = _terms(plan, request, began, worst_images)
        report = write_and_verify(plan, graphs, stage, terms, failures, watch)
        for name, graph in graphs.items():
            report = _with_scheme(plan, request, name, graph, report, stage, terms, watch)
        report = replace(
            report,
            calibration=plan.calibration.description if graphs else "",
            calibration_sha256=plan.calibration.sha256 if graphs else "",
            advice=(*report.advice, *_advice(plan, graphs)),
            range_warning=_range_warning(plan, request),
            failed=failures.reported(),
            original=with_agreement(report.original, plan.source.original),
        )
        write_text(stage / REPORT, reports_to_json([report]))
        _keep_references(folder / REFERENCE_FOLDER, stage / REFERENCE_FOLDER)
    for failed in report.failed:  # remove the files of an earlier run, which would be outdated
        for suffix in suffixes():
            remove(folder / f"{failed.target}{suffix}")
    worst_images.write()
    if request.ai_pack is not None:
        write_pack(plan, folder, report, request.ai_pack)
    return report


def _terms(
    plan: ExportPlan, request: ExportRequest, began: float, worst_images: WorstImages
) -> Terms:
    return Terms(
        plan.evaluation,
        {recipe.name: recipe.budget for recipe in plan.recipes},
        request.threads,
        worst_images=worst_images,
        keep_going=True,
        just_written=True,
        timed=request.timed,
        began=began,
    )


def _with_scheme(
    plan: ExportPlan,
    request: ExportRequest,
    scheme: str,
    graph: Graph,
    report: Report,
    stage: Path,
    terms: Terms,
    watch: Watch,
) -> Report:
    """Add a scheme's quantization steps to a report, and its remedy if over budget."""
    budgets = {r.name: r.budget for r in plan.recipes if r.scheme == scheme}
    files = tuple(target for target in report.targets if recipe_name(target.target) in budgets)
    missing = missing_fidelity(files, budgets)
    is_image = report.contract.returns_image
    if not isinstance(missing, Skipped) and is_image and no_picture(report.output_range):
        missing = NO_PICTURE
    mends = plan.schemes[scheme].when_over_budget != "nothing"
    if mends and missing == WITHIN:
        missing = within_budget(graph.quantized, plan, scheme)
    if isinstance(missing, Skipped) or not mends:
        why = _diagnosis(plan, request, scheme, graph, missing, watch)
        return replace(report, schemes=(*report.schemes, SchemeReport(scheme, graph.steps, why)))
    text = _recipe_text(request.scheme or scheme, plan)
    over = OverBudget(scheme, text, graph, files, missing)
    mixed = mix(plan, over, stage, terms, watch)
    scheme_report = SchemeReport(scheme, mixed.graph.steps, mixed.diagnosis)
    targets = {target.target: target for target in (*report.targets, *mixed.targets)}
    return replace(
        report, targets=tuple(targets.values()), schemes=(*report.schemes, scheme_report)
    )


def _diagnosis(
    plan: ExportPlan,
    request: ExportRequest,
    scheme: str,
    graph: Graph,
    missing: float | Skipped,
    watch: Watch,
) -> Diagnosis | Skipped:
    """Return the layers that put the files of a scheme over budget, or why none is named."""
    if isinstance(missing, Skipped):
        return missing
    sizes = next(plan.sizes[recipe.name] for recipe in plan.recipes if recipe.scheme == scheme)
    words = _words(plan, request, scheme, sizes[0])
    return diagnose(graph.quantized, plan.source, missing, sizes[0], words, watch)


def _words(plan: ExportPlan, request: ExportRequest, scheme: str, size: Size) -> Words | None:
    """Return the arguments of a command that repeats the request; None if no command can."""
    said, calibration = request.scheme or scheme, request.calibration
    is_folder = calibration is None or isinstance(calibration, (str, Path))
    if not (plan.source.given and isinstance(said, str) and is_folder):
        return None
    folder = None if calibration is None else Path(str(calibration))
    sized = bool(request.sizes)
    given, ports = plan.source.given, plan.source.ports.words
    return Words(given, said, folder, request.pixels, request.output, size, sized, ports)


def _recipe_text(scheme: str | QuantizeRecipe, plan: ExportPlan) -> str:
    if isinstance(scheme, str):
        return own_text(plan.source.given, scheme)
    return quantize_recipe_toml(scheme)


def _advice(plan: ExportPlan, graphs: Mapping[str, Graph]) -> tuple[str, ...]:
    """Return advice on calibration images and sizes, and on what an exporter has lost."""
    from edge_imgq.graph.lost_slopes import lost_slopes

    of_images = (sentence for graph in graphs.values() for sentence in graph.advice)
    sizes = [size for sizes in plan.sizes.values() for size in sizes]
    of_model = (*size_advice(plan.source, sizes), *lost_slopes(plan.source.model))
    return tuple(dict.fromkeys([*of_images, *of_model]))


def _range_warning(plan: ExportPlan, request: ExportRequest) -> str:
    """Return a hint if the pixel range was not stated and another fits better; else ""."""
    from edge_imgq.pipeline.open_model.range_hint import is_range_unknown, range_hint

    if not is_range_unknown(plan.source):
        return ""
    samples = network_inputs(plan.evaluation, plan.source)
    return range_hint(plan.source, (sample.pixels for sample in samples), request.threads)


def _plan(request: ExportRequest, failures: Failures, watch: Watch) -> ExportPlan:
    """Resolve a request; targets with unsupported operators are left out."""
    recipes, schemes = requested_recipes(request.targets, request.scheme, failures)
    warn_of_invalid(failures)
    if request.ai_pack is not None:
        recipe_of_pack(recipes)
    calibration = calibration_images(request.calibration)
    evaluation = evaluation_images(request.images)
    refuse_overlap(calibration, evaluation)
    named = request.model if isinstance(request.model, str) else request.model.name
    watch(ProgressStep(f"open {named}", 0, 1))
    own = own_recipes(request.targets, recipes)
    at = sizes_to_open(request.model, recipes, own, request.sizes)
    source = opened_by(recipes, request.model, request.pixels, at)
    if not isinstance(request.scheme, QuantizeRecipe):
        schemes = {name: with_own_keys(source.given, made) for name, made in schemes.items()}
    sizes = {recipe.name: input_sizes(source, recipe, own, request.sizes) for recipe in recipes}
    between = BetweenPhases(request.graphs and request.graphs / source.name, request.checked)
    plans = target_plans(source, recipes, schemes, sizes)
    note_unsupported(source, plans, failures, between)
    left_out = [recipe.name for recipe in recipes if recipe.name in failures]
    if left_out:
        watch(ProgressStep(f"leave out {', '.join(left_out)}", 0, 1))
    recipes = tuple(recipe for recipe in recipes if recipe.name not in failures)
    plan = ExportPlan(source, recipes, schemes, sizes, calibration, evaluation, request.authorship)
    if not plan.used_schemes:
        return plan
    calibration = covering_set(calibration, source, watch)
    refuse_copies(calibration, evaluation)
    return replace(plan, calibration=calibration)


def _keep_references(before: Path, now: Path) -> None:
    """Keep graphs of schemes that this run did not make, if the float reference is unchanged.

    Earlier files of other targets can then still be verified.
    """
    known = before / FLOAT_REFERENCE
    if not known.is_file() or sha256_of(known) != sha256_of(now / FLOAT_REFERENCE):
        return
    for graph in before.glob("*.onnx"):
        if not (now / graph.name).exists():
            shutil.copyfile(graph, now / graph.name)
