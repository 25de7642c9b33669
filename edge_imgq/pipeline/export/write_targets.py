"""Write the references and the files of an export.

An error in one target is recorded and does not affect the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import FLOAT_REFERENCE, ORIGINAL, REFERENCE_FOLDER, sha256_of
from edge_imgq.chips import CHIPS
from edge_imgq.contract import NOTHING_STATED, Authorship, FileNote
from edge_imgq.errors import RecipeError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.export.onnx_format import write_reference
from edge_imgq.formats import FORMATS, Format
from edge_imgq.images.samples import ImageSet
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.pipeline.export.failures import Failures
from edge_imgq.pipeline.export.int16_graph import write_int16_graph
from edge_imgq.pipeline.open_model.original_file import keep_model
from edge_imgq.pipeline.open_model.source import Source
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.pipeline.quantize import quantize_source
from edge_imgq.pipeline.verify.references import Candidate
from edge_imgq.quantize.calibration.calibration_advice import calibration_advice
from edge_imgq.recipe.export import ExportRecipe, chip_target, kernels_of, sized_target
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.version import __version__

if TYPE_CHECKING:
    from edge_imgq.graph.prepared import PreparedGraph
    from edge_imgq.quantize.quantize import Quantized
    from edge_imgq.quantize.steps.quantization_step import QuantizationStep

Size = tuple[int, int]


@dataclass(frozen=True)
class ExportPlan:
    """An export request with its model, recipes and images opened.

    Attributes:
        source: the model.
        recipes: export recipes of the targets that can be written.
        schemes: quantization recipes of the int8 targets, by name.
        sizes: (height, width) of each target's files, by recipe name.
        calibration: images to choose scales on.
        evaluation: images to measure drift on.
        authorship: author, licence and version to state in the files.
    """

    source: Source
    recipes: tuple[ExportRecipe, ...]
    schemes: dict[str, QuantizeRecipe]
    sizes: dict[str, tuple[Size, ...]]
    calibration: ImageSet
    evaluation: ImageSet
    authorship: Authorship = NOTHING_STATED

    @property
    def used_schemes(self) -> tuple[str, ...]:
        """Sorted names of the quantization recipes that the targets use, without repetition."""
        return tuple(sorted({recipe.scheme for recipe in self.recipes if recipe.scheme}))

    def kernels_of(self, scheme: str) -> KernelProfile:
        """Return the kernel profile that the graph of a scheme is made for.

        Args:
            scheme: name of the quantization recipe, one of `used_schemes`.

        Raises:
            RecipeError: its files are for processors of different profiles.
        """
        own = [recipe for recipe in self.recipes if recipe.scheme == scheme]
        written = [r for r in own if FORMATS[r.format].has_plain_form and not r.chips]
        profiles = {r.processors[0]: kernels_of(r) for r in written or own[:1]}
        if len(set(profiles.values())) > 1:
            raise RecipeError(
                f"Targets of the scheme '{scheme}' are for {' and '.join(profiles)}, and share one "
                "graph. Copy the scheme's file in quantize/ and name the copy in one of them."
            )
        return next(iter(profiles.values()))


@dataclass(frozen=True)
class Graph:
    """The QDQ graph of a scheme.

    Attributes:
        prepared: graph to lower.
        sha256: SHA-256 of its file.
        advice: sentences on what the calibration images lack.
        quantized: graph with the record of the quantization.
        int16: the graph with activations of 16 bits and the digest of its file, if a target of the
            export wants it.
    """

    prepared: PreparedGraph
    sha256: str
    advice: tuple[str, ...]
    quantized: Quantized
    int16: tuple[PreparedGraph, str] | None = None

    def of(self, work: TargetJob) -> tuple[PreparedGraph, str]:
        """Return the int8 or int16 graph that a file is made from, and the SHA-256 of its ONNX."""
        if work.stores_int16:
            assert self.int16 is not None
            return self.int16
        return self.prepared, self.sha256

    @property
    def steps(self) -> tuple[QuantizationStep, ...]:
        """Outcome of each quantization step, in the order they ran."""
        return self.quantized.steps


@dataclass(frozen=True)
class TargetJob:
    """A file to write.

    Attributes:
        target: name of the target, with size and chip if there are several files.
        recipe: export recipe.
        sizes: (height, width) of the input.
        path: path of the file.
        processor: "cpu", "gpu", or the chip whose NPU it is compiled for, a key of CHIPS.
    """

    target: str
    recipe: ExportRecipe
    sizes: tuple[Size, ...]
    path: Path
    processor: str

    @property
    def format(self) -> Format:
        """Format of the file."""
        return FORMATS[self.recipe.format]

    @property
    def has_plain_form(self) -> bool:
        """True if the file is written with rewrites that make it fast, and can do without them."""
        return self.format.has_plain_form and self.processor == "cpu"

    @property
    def stores_int16(self) -> bool:
        """True if its activations have 16 bits, which only recipes for NPUs request."""
        return self.recipe.activations == "int16" and self.processor in CHIPS

    @property
    def computes_in_float16(self) -> bool:
        """True if phones compute the file in float16, although this host may check it in float32.

        That holds for GPU files, and for float16 files of formats whose files run on any processor.
        """
        is_float16 = self.recipe.precision == "float16"
        return self.processor == "gpu" or (is_float16 and "gpu" not in self.format.processors)


def write_references(
    plan: ExportPlan, stage: Path, failures: Failures, watch: Watch
) -> dict[str, Graph]:
    """Write the float reference and a QDQ graph per scheme; return the graphs by scheme.

    Args:
        plan: plan of the export.
        stage: folder that receives `reference/`, which must not exist yet.
        failures: receives the targets of a scheme that cannot be quantized (`Failures.of`).
        watch: called before each step.
    """
    folder = stage / REFERENCE_FOLDER
    folder.mkdir()
    write_float_reference(plan.source, folder)
    graphs: dict[str, Graph] = {}
    made: dict[str, Graph] = {}
    for scheme in plan.used_schemes:
        name = plan.schemes[scheme].graph
        with failures.of([r.name for r in plan.recipes if r.scheme == scheme]):
            if name not in made:
                state = tuning_state(stage.parent, name)
                recipe, kernels = plan.schemes[scheme], plan.kernels_of(scheme)
                made[name] = write_graph(plan, recipe, kernels, stage, state, watch)
            graphs[scheme] = made[name]
    return graphs


def write_graph(
    plan: ExportPlan,
    recipe: QuantizeRecipe,
    kernels: KernelProfile,
    stage: Path,
    state: Path,
    watch: Watch,
) -> Graph:
    """Quantize a model, and write the QDQ graph beside the float reference, over an older one.

    Errors are those of `quantize_source`, and OSError if the graph cannot be written.

    Args:
        plan: plan of the export.
        recipe: quantization recipe.
        kernels: kernel profile of the target processor.
        stage: folder with `reference/`, which receives `<graph>.onnx`.
        state: file that holds the state of an unfinished fine-tuning, to resume it.
        watch: called before each step.
    """
    from edge_imgq.graph.prepared import prepared_graph

    quantized = quantize_source(plan.source, recipe, plan.calibration, watch, state, kernels)
    folder = stage / REFERENCE_FOLDER
    path = folder / f"{recipe.graph}.onnx"
    note = _note(plan.source, recipe.graph, sha256_of(folder / FLOAT_REFERENCE))
    write_reference(quantized.model, note, path)
    graph, peak = prepared_graph(quantized.model, (), kernels=kernels), plan.source.contract.peak
    advice = calibration_advice(len(plan.calibration.photos), quantized.patches.all(peak), peak)
    wide = None
    if any(recipe.activations == "int16" for recipe in plan.recipes):
        wide = write_int16_graph(graph, note, path)
    return Graph(graph, sha256_of(path), advice, quantized, wide)


def write_float_reference(source: Source, folder: Path) -> str:
    """Write the float reference into a folder, and the user's own ONNX file beside it.

    They are named `float.onnx` and `original.onnx`; existing files are overwritten. Only a model
    loaded from ONNX has the second. The folder must exist.

    Returns:
        SHA-256 of the reference.

    Raises:
        OSError: a file cannot be written.
    """
    note, original = _note(source, "reference", ""), source.original
    if original is not None:
        digest = keep_model(original.model, folder / ORIGINAL)
        note = replace(note, original_sha256=digest, original_pixels=original.pixels)
        if (given := original.model.sha256) != digest:
            note = replace(note, given_sha256=given)
    path = folder / FLOAT_REFERENCE
    write_reference(source.model, note, path)
    return sha256_of(path)


def tuning_state(folder: Path, scheme: str) -> Path:
    """Return the path in a model's folder for the state of an unfinished fine-tuning.

    Its name is `.tuning-<scheme>.state`; the file need not exist.
    """
    return folder / f".tuning-{scheme}.state"


def target_jobs(plan: ExportPlan, stage: Path) -> tuple[TargetJob, ...]:
    """Return the files to write in `stage`: one per target, or for each of its chips and sizes."""
    return tuple(
        TargetJob(
            target, recipe, group, stage / (target + FORMATS[recipe.format].suffix), processor
        )
        for recipe in plan.recipes
        for name, processor in _processors(recipe)
        for target, group in _files(name, recipe, plan.sizes[recipe.name])
    )


def write_files(
    plan: ExportPlan,
    graphs: Mapping[str, Graph],
    jobs: Sequence[TargetJob],
    failures: Failures,
    watch: Watch,
    *,
    plain: bool = False,
) -> list[Candidate]:
    """Write files, and return those that were written.

    Args:
        plan: plan of the export.
        graphs: QDQ graph of each scheme, by name.
        jobs: files to write; those of a recipe in `failures` are left out.
        failures: receives the files that cannot be written (`Failures.of`).
        watch: called before each file.
        plain: True to skip the rewrites that make files faster on their processor.
    """
    candidates = []
    for index, work in enumerate(jobs):
        if work.recipe.name in failures:
            continue
        watch(ProgressStep(f"write {work.target}", index, len(jobs)))
        scheme, passes = work.recipe.scheme, work.recipe.passes
        with failures.of([work.target]):
            kernels, digest = kernels_of(work.recipe), ""
            if scheme:
                graph, digest = graphs[scheme].of(work)
            else:
                graph = plan.source.prepared(passes, kernels)
            order = replace(spec_of(plan, work, digest), plain=plain or work.stores_int16)
            functions_of(work.recipe.format).write(graph, order, work.path)
            candidates.append(Candidate(work.path, work.sizes[0]))
    return candidates


def spec_of(plan: ExportPlan, work: TargetJob, quantized: str) -> ExportSpec:
    """Return the settings of a file for its writer.

    Args:
        plan: plan of the export.
        work: the file.
        quantized: SHA-256 of the QDQ graph that it is lowered from; "" for a float file.
    """
    recipe = work.recipe
    reference = sha256_of(work.path.parent / REFERENCE_FOLDER / FLOAT_REFERENCE)
    note = _note(plan.source, work.target, reference, quantized)
    note = replace(note, authorship=plan.authorship)
    return ExportSpec(work.sizes, note, work.processor, recipe.precision == "float16")


def _processors(recipe: ExportRecipe) -> list[tuple[str, str]]:
    """Return the names of a recipe's files, without sizes, with the processor of each.

    A recipe for chips also has a file for the CPU of phones with other chips.
    """
    if not recipe.chips:
        return [(recipe.name, recipe.kind)]
    chips = [(chip_target(recipe.name, CHIPS[chip]), chip) for chip in recipe.chips]
    return [(chip_target(recipe.name, None), "cpu"), *chips]


def _files(
    name: str, recipe: ExportRecipe, sizes: tuple[Size, ...]
) -> list[tuple[str, tuple[Size, ...]]]:
    """Return the target names of a recipe's files, with the sizes of each."""
    if len(sizes) == 1 or (FORMATS[recipe.format].sizes != "one" and not recipe.chips):
        return [(name, sizes)]
    return [(sized_target(name, size), (size,)) for size in sizes]


def _note(source: Source, target: str, reference: str, quantized: str = "") -> FileNote:
    return FileNote(
        model=source.name,
        target=target,
        contract=source.contract,
        version=__version__,
        reference_sha256=reference,
        quantized_sha256=quantized,
    )
