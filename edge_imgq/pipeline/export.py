"""The main job: from a model to verified files.

Everything is written into a staging folder, closed, reopened and verified there, and moved into
place at the end; a run that fails leaves what was there before.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq import __version__
from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, sha256_of, staging, write_text
from edge_imgq.contract import FileNote, PixelRange
from edge_imgq.errors import ModelError, RecipeError, UnsupportedOperatorError
from edge_imgq.export.formats import ONE_FILE_PER_SIZE, WRITERS, Order, write_reference
from edge_imgq.images.samples import ImageSet
from edge_imgq.pipeline.gallery import Gallery
from edge_imgq.pipeline.images import (
    calibration_images,
    covering_set,
    evaluation_images,
    network_inputs,
    refuse_copies,
    refuse_overlap,
)
from edge_imgq.pipeline.operators import refuse_unsupported, target_plans
from edge_imgq.pipeline.references import Candidate
from edge_imgq.pipeline.source import Source, open_model, refuse_odd_size
from edge_imgq.pipeline.step import Step, Watch
from edge_imgq.pipeline.verify import Terms, verify_files
from edge_imgq.quantize.advice import calibration_advice
from edge_imgq.recipe.export import SUFFIX, ExportRecipe, sized_target
from edge_imgq.recipe.folders import export_recipes, quantize_recipe, select
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.report.json_form import FILE as REPORT
from edge_imgq.report.json_form import reports_to_json
from edge_imgq.report.report import Report, SchemeReport

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.quantize.quantize import Quantized
    from edge_imgq.quantize.step import QuantizationStep

Size = tuple[int, int]


@dataclass(frozen=True)
class ExportRequest:
    """What to export.

    Attributes:
        model: a zoo name, or the path of a checkpoint or an .onnx file.
        targets: stems, globs or families of recipes.
        output: folder that gets `<model>/<target>.<ext>`.
        calibration: folder of photographs to choose scales by; None for the manifest's.
        images: folder of photographs to measure drift on; None for the manifest's.
        sizes: input heights and widths of the files, instead of the recipes'; none for theirs.
        pixels: what the pixels are inside an .onnx file that does not say; None for 0 to 1.
        threads: processor threads.
        scheme: quantization recipe for all int8 targets, by its stem or path, instead of their
            own; "" for their own.
        pictures: folder for pictures of the worst images; None for none.
        timed: whether the files are timed.
    """

    model: str
    targets: tuple[str, ...]
    output: Path
    calibration: Path | None
    images: Path | None
    sizes: tuple[Size, ...]
    pixels: PixelRange | None
    threads: int
    scheme: str = ""
    pictures: Path | None = None
    timed: bool = True


@dataclass(frozen=True)
class _Plan:
    """A request with every question answered."""

    source: Source
    recipes: tuple[ExportRecipe, ...]
    schemes: dict[str, QuantizeRecipe]
    sizes: dict[str, tuple[Size, ...]]
    calibration: ImageSet
    evaluation: ImageSet


@dataclass(frozen=True)
class _Graph:
    """A graph to lower.

    Attributes:
        model: the graph.
        quantized_sha256: of a QDQ graph, the digest of its file.
        steps: how it came about.
        advice: what its calibration images lack.
    """

    model: ir.Model
    quantized_sha256: str = ""
    steps: tuple[QuantizationStep, ...] = ()
    advice: tuple[str, ...] = ()


def export(request: ExportRequest, watch: Watch) -> Report:
    """Export a model to the files that its recipes describe, verify and time them.

    Timing takes no longer than all the rest.

    Returns:
        The report, which is also written to `<output>/<model>/report.json`. Files over budget are
        kept; the report names them.

    Raises:
        EdgeImgqError: of the class that fits; nothing is left half-written.
    """
    began = time.monotonic()
    plan = _plan(request, watch)
    folder = request.output / plan.source.name
    gallery = Gallery(request.pictures)
    with staging(folder) as stage:
        graphs = _write_references(plan, stage, watch)
        candidates = _write_files(plan, graphs, stage, watch)
        budgets = {recipe.name: recipe.budget for recipe in plan.recipes}
        terms = Terms(
            plan.evaluation,
            budgets,
            request.threads,
            gallery=gallery,
            timed=request.timed,
            began=began,
        )
        report = verify_files(stage, candidates, terms, watch)
        schemes = [SchemeReport(name, graphs[name].steps) for name in _schemes(plan.recipes)]
        advice = [*_range_advice(plan, request), *(a for g in graphs.values() for a in g.advice)]
        report = replace(
            report,
            calibration=plan.calibration.description if schemes else "",
            schemes=tuple(schemes),
            advice=tuple(dict.fromkeys(advice)),
        )
        write_text(stage / REPORT, reports_to_json([report]))
        _keep_references(folder / REFERENCE_FOLDER, stage / REFERENCE_FOLDER)
    gallery.write()
    return report


def _range_advice(plan: _Plan, request: ExportRequest) -> tuple[str, ...]:
    """Return a hint where nobody said what a model's pixels are, and others fit better."""
    from edge_imgq.pipeline.range_hint import nobody_said, range_hint

    if not nobody_said(plan.source, request.pixels):
        return ()
    sample = next(network_inputs(plan.evaluation, plan.source))
    hint = range_hint(plan.source, sample.pixels, request.threads)
    return (hint,) if hint else ()


def _plan(request: ExportRequest, watch: Watch) -> _Plan:
    watch(Step(f"open {request.model}", 0, 1))
    recipes = select(export_recipes(), request.targets)
    schemes = {name: quantize_recipe(request.scheme or name) for name in _schemes(recipes)}
    recipes = tuple(replace(r, scheme=schemes[r.scheme].name) if r.scheme else r for r in recipes)
    schemes = {recipe.name: recipe for recipe in schemes.values()}
    if Path(FLOAT_REFERENCE).stem in schemes:
        raise RecipeError("A quantization recipe may not be called 'float': the reference is.")
    calibration = calibration_images(request.calibration)
    evaluation = evaluation_images(request.images)
    refuse_overlap(calibration, evaluation)
    source = open_model(request.model, request.pixels, request.sizes)
    sizes = {recipe.name: _sizes(source, recipe, request.sizes) for recipe in recipes}
    plan = _Plan(source, recipes, schemes, sizes, calibration, evaluation)
    refuse_unsupported(source, target_plans(source, recipes, schemes, sizes))
    if not schemes:
        return plan
    calibration = covering_set(calibration, source, watch)
    refuse_copies(calibration, evaluation)
    return replace(plan, calibration=calibration)


def _sizes(source: Source, recipe: ExportRecipe, wanted: Sequence[Size]) -> tuple[Size, ...]:
    """Return the input sizes of a target: the person's, the model's own, or the recipe's."""
    from edge_imgq.graph.size import own_size

    fixed = own_size(source.model)
    if not wanted and fixed is None and not source.is_own:
        raise ModelError(
            f"{source.name} takes images of any height and width, and files for phones have one "
            "size. Say which with --size HxW, for example --size "
            f"{recipe.size[0]}x{recipe.size[1]}."
        )
    sizes = tuple(dict.fromkeys(wanted or (fixed or recipe.size,)))
    for size in sizes:
        refuse_odd_size(source, size)
    return sizes


def _schemes(recipes: Sequence[ExportRecipe]) -> tuple[str, ...]:
    return tuple(sorted({recipe.scheme for recipe in recipes if recipe.scheme}))


def _write_references(plan: _Plan, stage: Path, watch: Watch) -> dict[str, _Graph]:
    """Write the float reference and a QDQ graph per scheme; return graphs by scheme, "" = float."""
    folder = stage / REFERENCE_FOLDER
    folder.mkdir()
    source = plan.source
    path = folder / FLOAT_REFERENCE
    write_reference(source.model, _note(plan, "reference", ""), path)
    reference = sha256_of(path)
    graphs = {"": _Graph(source.model)}
    for scheme in _schemes(plan.recipes):
        watch(Step(f"quantize ({scheme})", 0, 1))
        found = _quantized(plan, scheme, tuning_state(stage.parent, scheme), watch)
        path = folder / f"{scheme}.onnx"
        write_reference(found.model, _note(plan, scheme, reference), path)
        patches, peak = found.patches.all(source.contract.peak), source.contract.peak
        advice = calibration_advice(len(plan.calibration.photos), patches, peak)
        graphs[scheme] = _Graph(found.model, sha256_of(path), found.steps, advice)
    return graphs


def _quantized(plan: _Plan, scheme: str, state: Path, watch: Watch) -> Quantized:
    from edge_imgq.quantize.quantize import quantize_in_steps

    def tuning(done: int, total: int) -> None:
        watch(Step(f"fine-tune ({scheme})", done, total))

    source, recipe = plan.source, plan.schemes[scheme]
    images = (sample.pixels for sample in network_inputs(plan.calibration, source))
    extremes = plan.calibration.extremes
    try:
        return quantize_in_steps(
            source.model, recipe, source.contract, images, tuning, state, extremes
        )
    except KeyboardInterrupt as interruption:
        if state.is_file():
            raise type(interruption)(
                f"Interrupted. Fine-tuning so far is kept in {state}; the same command goes on "
                "from there."
            ) from interruption
        raise


def tuning_state(folder: Path, scheme: str) -> Path:
    """Return the file below a model's folder in which an interrupted fine-tuning is kept."""
    return folder / f".tuning-{scheme}.state"


def _write_files(
    plan: _Plan, graphs: dict[str, _Graph], stage: Path, watch: Watch
) -> list[Candidate]:
    """Lower every target; all operators that any of them lacks are named in one error."""
    from edge_imgq.graph.rewrite import rewrite

    reference = sha256_of(stage / REFERENCE_FOLDER / FLOAT_REFERENCE)
    candidates, refusals = [], []
    for index, recipe in enumerate(plan.recipes):
        watch(Step(f"write {recipe.name}", index, len(plan.recipes)))
        graph = graphs[recipe.scheme]
        model = rewrite(graph.model, recipe.passes)
        for target, sizes in _files(recipe, plan.sizes[recipe.name]):
            note = _note(plan, target, reference, graph.quantized_sha256)
            order = Order(sizes, note, recipe.processor, recipe.precision == "float16")
            path = stage / (target + SUFFIX[recipe.format])
            try:
                WRITERS[recipe.format](model, order, path)
            except UnsupportedOperatorError as error:
                refusals.append(f"{target}: {error}")
            candidates.append(Candidate(path, sizes[0]))
    if refusals:
        raise UnsupportedOperatorError("\n".join(refusals))
    return candidates


def _files(recipe: ExportRecipe, sizes: tuple[Size, ...]) -> list[tuple[str, tuple[Size, ...]]]:
    """Return the files of a recipe by the name of their target, with the sizes of each."""
    if len(sizes) == 1 or recipe.format not in ONE_FILE_PER_SIZE:
        return [(recipe.name, sizes)]
    return [(sized_target(recipe.name, size), (size,)) for size in sizes]


def _keep_references(before: Path, now: Path) -> None:
    """Keep the graphs of schemes that this run did not make, if the float reference is the same.

    Files of other targets that were made from them can then still be verified.
    """
    known = before / FLOAT_REFERENCE
    if not known.is_file() or sha256_of(known) != sha256_of(now / FLOAT_REFERENCE):
        return
    for graph in before.glob("*.onnx"):
        if not (now / graph.name).exists():
            shutil.copyfile(graph, now / graph.name)


def _note(plan: _Plan, target: str, reference: str, quantized: str = "") -> FileNote:
    return FileNote(
        model=plan.source.name,
        target=target,
        contract=plan.source.contract,
        version=__version__,
        reference_sha256=reference,
        quantized_sha256=quantized,
    )
