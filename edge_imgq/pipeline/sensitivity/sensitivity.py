"""Measure each layer's int8 error and time, and choose float layers that meet a budget."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.artifact import staging, write_text
from edge_imgq.contract import PixelRange
from edge_imgq.devices.kernels import estimated_profile
from edge_imgq.errors import UsageError
from edge_imgq.images.files import write_image
from edge_imgq.images.samples import ImageSet
from edge_imgq.metrics.psnr import psnr
from edge_imgq.pipeline.enhance.port_settings import Settings, set_numbers
from edge_imgq.pipeline.export.write_targets import write_float_reference
from edge_imgq.pipeline.image_selection import (
    Images,
    calibration_images,
    covering_set,
    evaluation_images,
    network_inputs,
    refuse_copies,
    refuse_overlap,
)
from edge_imgq.pipeline.mixed_precision.estimated_times import at_size, float_file_time
from edge_imgq.pipeline.mixed_precision.psnr_goal import PsnrGoal, fidelity_of
from edge_imgq.pipeline.mixed_precision.search_float_layers import choose
from edge_imgq.pipeline.open_model.source import Source, opened
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.pipeline.quantize import quantize_source
from edge_imgq.pipeline.shipped_scheme import own_text, with_own_keys
from edge_imgq.quantize.steps.quantization_step import psnr_after
from edge_imgq.recipe.folders import quantize_recipe, quantize_recipe_text
from edge_imgq.recipe.mixed_precision import with_precision
from edge_imgq.recipe.quantize import QuantizeRecipe, checked_quantize
from edge_imgq.recipe.recipe_text import quantize_recipe_toml
from edge_imgq.report.bar_chart import Bar, bar_chart
from edge_imgq.report.json_form import sensitivity_to_json
from edge_imgq.report.sensitivity import FILE, ChosenPrecision, Sensitivity, comparison
from edge_imgq.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation
    from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost, Roundings
    from edge_imgq.quantize.mixed_precision.precision_search import Choice
    from edge_imgq.quantize.quantize import Quantized

PICTURE, RECIPE = "sensitivity.png", "mixed.toml"
"""Names of files in the model's folder."""

SIZE = 180
"""Height in pixels of the image that times are estimated at, before rounding to the multiple."""


@dataclass(frozen=True)
class SensitivityRequest:
    """Arguments of `sensitivity`.

    Without `budget` and `fidelity`, layers are measured and none are chosen.

    Attributes:
        model: name of the zoo, path of a checkpoint or .onnx file, or opened model.
        scheme: quantization recipe, or its stem or path.
        output: folder for `<model>/sensitivity.json`, the chart and the recipe.
        calibration: photographs to choose int8 ranges on; None for the manifest's.
        pixels: pixel range of an .onnx file that does not state it; None for 0 to 1.
        budget: mean drop in dB against the truth that int8 may cost; None for no such limit.
        fidelity: least PSNR in dB to the float model's image, used if `budget` is None; None for
            no such limit.
        size: input (height, width) of an .onnx file of another or any size; None for its own.
        images: photographs to measure on; None for held-out patches of the calibration images,
            which no quantization step learned from, or with `settings` for the manifest's.
        settings: values of further inputs to measure at; others are drawn over their range.
    """

    model: str | Source
    scheme: str | QuantizeRecipe
    output: Path
    calibration: Images | None
    pixels: PixelRange | None
    budget: float | None = None
    fidelity: float | None = None
    size: tuple[int, int] | None = None
    images: Images | None = None
    settings: Settings = field(default_factory=dict)


def sensitivity(request: SensitivityRequest, watch: Watch) -> Sensitivity:
    """Measure the error and time of each layer; with a goal, choose layers to keep in float.

    Writes `sensitivity.json`, the chart `sensitivity.png` and, with a goal, the mixed-precision
    recipe `mixed.toml` into the model's folder.

    Args:
        request: arguments.
        watch: called before each step.

    Raises:
        UsageError: no choice of float layers reaches the goal, or a drop is given and no measured
            image has a truth.
        ImageError: an image cannot be read, is too small, or is in both sets.
        ModelError: the model cannot be opened or quantized.
        RecipeError: the quantization recipe is invalid, or itself chooses layers by budget.
        OutputError: a file cannot be written.
    """
    run = _Run(request, watch)
    goal = run.goal()
    findings = _Findings(run, run.quantized(run.recipe), goal)
    result = Sensitivity(
        run.source.name,
        __version__,
        run.recipe.name,
        run.measured_on,
        findings.psnr,
        findings.layers(),
        run.reference_sha256,
        run.images.sha256,
        run.measured.sha256,
    )
    with staging(request.output / run.source.name) as stage:
        if goal is not None:
            choice, text = findings.chosen(goal)
            write_text(stage / RECIPE, text)
            result = replace(result, choice=choice)
        write_text(stage / FILE, sensitivity_to_json(result) + "\n")
        write_image(stage / PICTURE, _picture(result))
    return result


class _Run:
    """A request with its model, recipe and images opened."""

    def __init__(self, request: SensitivityRequest, watch: Watch) -> None:
        self.request, self.watch = request, watch
        self.recipe, self.text = _read_scheme(request.scheme)
        named = request.model if isinstance(request.model, str) else request.model.name
        watch(ProgressStep(f"open {named}", 0, 1))
        sizes = () if request.size is None else (request.size,)
        self.source: Source = opened(request.model, request.pixels, sizes)
        if isinstance(request.scheme, str):
            self.recipe = with_own_keys(self.source.given, self.recipe)
            self.text = own_text(self.source.given, request.scheme)
        with tempfile.TemporaryDirectory() as folder:
            self.reference_sha256 = write_float_reference(self.source, Path(folder))
        photographs = calibration_images(request.calibration)
        self.known = set_numbers(self.source.contract, request.settings, self.source.name)
        is_own = request.images is not None or bool(self.known)
        own = evaluation_images(request.images) if is_own else None
        if own is not None:
            refuse_overlap(photographs, own)
        self.images: ImageSet = covering_set(photographs, self.source, watch)
        self.measured: ImageSet = own or self.images
        if own is not None:
            refuse_copies(self.images, own)

    def quantized(self, recipe: QuantizeRecipe) -> Quantized:
        return quantize_source(self.source, recipe, self.images, self.watch)

    def goal(self) -> PsnrGoal | None:
        """Return the PSNR to the float image that the request sets as goal; None for no search."""
        if self.request.budget is None:
            return None if self.request.fidelity is None else PsnrGoal(self.request.fidelity)
        of_float = self._psnr_of_float_model()
        return PsnrGoal(fidelity_of(self.request.budget, of_float), tuple(of_float))

    def _psnr_of_float_model(self) -> list[float]:
        """Return the PSNR in dB of the float model against the truth, one per image with a truth.

        Raises:
            UsageError: no image has a truth.
        """
        psnrs = list(self._psnrs())
        if not psnrs:
            raise UsageError(
                f"There is no ground truth for {self.source.contract.task}, so a budget cannot be "
                "checked. Give --fidelity instead, the dB to the float model's image."
            )
        return psnrs

    def _psnrs(self) -> Iterator[float]:
        import onnx_ir as ir

        from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
        from edge_imgq.images.layout import from_nchw, to_nchw
        from edge_imgq.runtime.onnxruntime import inference_session

        contract = self.source.contract
        session = inference_session(ir.to_proto(self.source.model).SerializeToString())
        entries = session_entries(session)
        for sample in network_inputs(self.measured, self.source, self.known):
            if sample.truth is None:
                continue
            self.watch(ProgressStep("measure the float model", 0, 1))
            feeds = split_ports(to_nchw(sample.pixels, contract.peak), entries)
            values = session.run(None, feeds)[0]
            image = from_nchw(values, contract.peak)
            yield psnr(sample.truth, image, shave=contract.shave)

    @property
    def measured_on(self) -> str:
        """Description of the images that errors are measured on, and of what inputs are set to."""
        said = (f"{name} = {text}" for name, text in self.request.settings.items())
        return ", ".join((self.measured.description, *said))

    def ablation(self, quantized: Quantized) -> LayerAblation:
        """Build a session of a quantized graph in which each rounding can be switched off.

        It runs on patches of the user's images if there are any, else on the held-out ones.
        """
        from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation

        peak, patches = self.source.contract.peak, quantized.patches.held_out
        is_own = self.measured is not self.images
        batch = self._patches(quantized) if is_own else patches(peak)
        return LayerAblation(quantized.original, quantized.model, batch, peak)

    def _patches(self, quantized: Quantized) -> NDArray[np.float32]:
        """Return patches of the user's images, float32 (N, C, H, W) in 0 … peak."""
        from edge_imgq.graph.shapes.size import own_size
        from edge_imgq.quantize.calibration.patch_sampler import PatchSampler

        contract = self.source.contract
        keeper = PatchSampler(contract.multiple, own_size(quantized.original))
        inputs = network_inputs(self.measured, self.source, self.known)
        for _ in keeper.sampling(sample.pixels for sample in inputs):
            pass
        return keeper.batch(contract.peak)


class _Findings:
    """Measurements of a quantized model's layers, and the search based on them."""

    def __init__(self, run: _Run, quantized: Quantized, goal: PsnrGoal | None) -> None:
        from edge_imgq.quantize.mixed_precision.layer_costs import measure_roundings

        self._run, self._profile = run, estimated_profile()
        self._graph = at_size(quantized.original, _size(run))
        self._ablation: LayerAblation = run.ablation(quantized)
        self._best = self._ablation.psnr(())
        if goal is not None and goal.psnr > self._best:
            raise UsageError(self._out_of_reach(goal))
        self._roundings: Roundings = measure_roundings(self._ablation, self._told)

    @property
    def psnr(self) -> float:
        return self._roundings.psnr

    def layers(self) -> tuple[LayerCost, ...]:
        from edge_imgq.quantize.mixed_precision.layer_costs import layer_costs
        from edge_imgq.quantize.mixed_precision.layer_time import LayerTimes

        floats = {name for name, kind in self._run.recipe.precision.items() if kind == "float"}
        times = LayerTimes(self._graph.graph, self._profile).by_node(floats)
        return layer_costs(self._graph.graph, self._ablation, self._roundings, times)

    def chosen(self, goal: PsnrGoal) -> tuple[ChosenPrecision, str]:
        """Return the layers to keep in float, and the text of a recipe with them.

        Each candidate is quantized again and measured.

        Raises:
            UsageError: no choice that was tried reaches the goal.
        """
        from edge_imgq.quantize.mixed_precision.precision_search import PrecisionSearch

        search = PrecisionSearch(
            self._graph.graph, self._ablation, self._roundings.errors, self._profile
        )
        reached = 0.0

        def lacking(choice: Choice) -> float:
            nonlocal reached
            reached = self._reached(choice)
            return goal.psnr - reached

        choice, is_enough = choose(search, goal.psnr, self._best, lacking, self._tried)
        if not is_enough:
            raise UsageError(
                f"No choice of layers in float was found that reaches {goal.words(goal.psnr)}: "
                f"with {len(choice.names)} of them it is {goal.words(reached)}."
            )
        return self._written(choice, goal.psnr, reached, search.plain)

    def _out_of_reach(self, goal: PsnrGoal) -> str:
        return (
            f"{goal.words(goal.psnr)} cannot be met by any choice of layers. Pixels of 8 bits "
            f"alone, with every layer in float, leave {goal.words_within(self._best)}; "
            "ask for no more."
        )

    def _reached(self, choice: Choice) -> float:
        """Quantize again with a choice, and return the PSNR in dB to the float model."""
        mixed = replace(self._run.recipe, precision=dict.fromkeys(sorted(choice.names), "float"))
        quantized = self._run.quantized(mixed)
        if self._run.measured is self._run.images:
            return psnr_after(quantized.steps)
        ablation = self._run.ablation(quantized)
        return ablation.psnr(ablation.names)

    def _written(
        self, choice: Choice, wanted: float, reached: float, plain: float
    ) -> tuple[ChosenPrecision, str]:
        request = self._run.request
        path = request.output / self._run.source.name / RECIPE
        names = tuple(layer.name for layer in self.layers() if layer.name in choice.names)
        in_float = float_file_time(self._run.source, _size(self._run), self._profile)
        time = None if in_float is None else in_float / plain
        chosen = ChosenPrecision(names, wanted, reached, choice.time, str(path), time)
        remark = (
            f"Chosen for {self._run.source.name} by `edge-imgq sensitivity`: {reached:.1f} dB "
            f"against the float model on held-out calibration patches, {self.psnr:.1f} with all "
            f"layers in int8, at about {choice.time:.2f} times the time.{comparison(chosen)}"
        )
        return chosen, with_precision(self._run.text, dict.fromkeys(names, "float"), remark)

    def _told(self, done: int, total: int) -> None:
        self._run.watch(ProgressStep("measure layers", done, total))

    def _tried(self, words: str) -> None:
        self._run.watch(ProgressStep(words, 0, 1))


def _read_scheme(scheme: str | QuantizeRecipe) -> tuple[QuantizeRecipe, str]:
    """Return a quantization recipe and its TOML text."""
    if isinstance(scheme, QuantizeRecipe):
        return checked_quantize(scheme), quantize_recipe_toml(scheme)
    return quantize_recipe(scheme), quantize_recipe_text(scheme)


def _size(run: _Run) -> tuple[int, int]:
    """Return the (height, width) to estimate times at: the request's, or 16:9 of height SIZE."""
    multiple = run.source.contract.multiple
    height, width = (round(side / multiple) * multiple for side in (SIZE, SIZE * 16 // 9))
    return run.request.size or (height, width)


def _picture(result: Sensitivity) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rows = [Bar(layer.name, (layer.weights, layer.output)) for layer in result.layers]
    title = (
        f"{result.model}, {result.scheme}: parts of the squared error, {result.psnr:.1f} dB in all"
    )
    return bar_chart(title, ("weights", "output"), rows)
