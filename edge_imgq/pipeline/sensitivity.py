"""From a model to what each of its layers costs, and to a recipe that meets a budget."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq import __version__
from edge_imgq.artifact import staging, write_text
from edge_imgq.contract import PixelRange
from edge_imgq.errors import DriftError, UsageError
from edge_imgq.images.files import write_image
from edge_imgq.images.samples import ImageSet
from edge_imgq.metrics.psnr import psnr
from edge_imgq.pipeline.images import calibration_images, covering_set, network_inputs
from edge_imgq.pipeline.source import Source, open_model
from edge_imgq.pipeline.step import Step, Watch
from edge_imgq.recipe.folders import quantize_recipe, quantize_recipe_path
from edge_imgq.recipe.mixed_precision import with_precision
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.report.bar_chart import Bar, bar_chart
from edge_imgq.report.json_form import sensitivity_to_json
from edge_imgq.report.sensitivity import ChosenPrecision, Sensitivity

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.quantize.layer_costs import LayerCost, Roundings
    from edge_imgq.quantize.precision_search import Choice
    from edge_imgq.quantize.quantize import Quantized
    from edge_imgq.quantize.switches import Switchboard

JSON, PICTURE, RECIPE = "sensitivity.json", "sensitivity.png", "mixed.toml"
"""Files below a model's folder."""

SIZE = 180
"""Height of the image that times are estimated for, as near as the network takes it."""

ROUNDS = 4
"""Times that a choice is quantized anew and extended where it did not keep what was foretold."""


@dataclass(frozen=True)
class SensitivityRequest:
    """What to measure.

    Attributes:
        model: as for an export.
        scheme: quantization recipe, by its stem or path.
        output: folder that gets `<model>/sensitivity.json` and so on.
        calibration: folder of photographs; None for the manifest's.
        pixels: as for an export.
        budget: dB against the truth that int8 may cost; None for no search, or for `fidelity`.
        fidelity: dB to the float model's image that are wanted instead; None likewise.
    """

    model: str
    scheme: str
    output: Path
    calibration: Path | None
    pixels: PixelRange | None
    budget: float | None = None
    fidelity: float | None = None


def sensitivity(request: SensitivityRequest, watch: Watch) -> Sensitivity:
    """Measure what each layer costs; with a budget, choose layers to keep in float.

    Writes a report, a picture and, with a budget, a recipe into the model's folder.

    Raises:
        DriftError: no choice meets the budget.
        UsageError: a drop is asked for, and there is no truth to measure one against.
    """
    run = _Run(request, watch)
    wanted = run.wanted()
    quantized = run.quantized(run.recipe)
    findings = _Findings(run, quantized)
    found = Sensitivity(
        run.source.name,
        __version__,
        run.recipe.name,
        run.images.description,
        findings.psnr,
        findings.layers(),
    )
    with staging(request.output / run.source.name) as stage:
        if wanted is not None:
            choice, text = findings.chosen(wanted)
            write_text(stage / RECIPE, text)
            found = replace(found, choice=choice)
        write_text(stage / JSON, sensitivity_to_json(found) + "\n")
        write_image(stage / PICTURE, _picture(found))
    return found


class _Run:
    """A request with every question answered."""

    def __init__(self, request: SensitivityRequest, watch: Watch) -> None:
        self.request, self.watch = request, watch
        self.recipe = quantize_recipe(request.scheme)
        watch(Step(f"open {request.model}", 0, 1))
        self.source: Source = open_model(request.model, request.pixels)
        photographs = calibration_images(request.calibration)
        self.images: ImageSet = covering_set(photographs, self.source, watch)

    def quantized(self, recipe: QuantizeRecipe) -> Quantized:
        from edge_imgq.quantize.quantize import quantize_in_steps

        self.watch(Step(f"quantize ({recipe.name})", 0, 1))

        def tuning(done: int, total: int) -> None:
            self.watch(Step(f"fine-tune ({recipe.name})", done, total))

        pixels = (sample.pixels for sample in network_inputs(self.images, self.source))
        return quantize_in_steps(self.source.model, recipe, self.source.contract, pixels, tuning)

    def wanted(self) -> float | None:
        """Return the dB between float and quantized image that the budget stands for."""
        if self.request.budget is None:
            return self.request.fidelity
        return fidelity_of(self.request.budget, self._psnr_of_float_model())

    def _psnr_of_float_model(self) -> list[float]:
        """Return the PSNR of the float model against the truth, image by image."""
        found = list(self._psnrs())
        if not found:
            raise UsageError(
                f"Nothing is known of the truth for {self.source.contract.task}, so a budget has "
                "nothing to hold to. Give --fidelity, the dB to the float model's image, instead."
            )
        return found

    def _psnrs(self) -> Iterator[float]:
        import onnx_ir as ir

        from edge_imgq.images.layout import from_nchw, to_nchw
        from edge_imgq.runtime.onnxruntime import inference_session

        contract = self.source.contract
        session = inference_session(ir.to_proto(self.source.model).SerializeToString())
        name = session.get_inputs()[0].name
        for sample in network_inputs(self.images, self.source):
            if sample.truth is None:
                continue
            self.watch(Step("measure the float model", 0, 1))
            values = session.run(None, {name: to_nchw(sample.pixels, contract.peak)})[0]
            image = from_nchw(values, contract.peak)
            yield psnr(sample.truth, image, shave=contract.shave)


def fidelity_of(drop: float, tasks: Sequence[float]) -> float:
    """Return the dB to the float image under which images lose a drop in the mean.

    With independent errors 10^(−p'/10) = 10^(−p/10) + 10^(−q/10), where p is what the float model
    has against the truth, p' what the quantized one has, and q lies between the two.

    Args:
        drop: mean of p − p', positive.
        tasks: p of each image.
    """
    low, high = 0.0, 200.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        lost = np.mean([10 * math.log10(1 + 10 ** ((task - middle) / 10)) for task in tasks])
        low, high = (middle, high) if lost > drop else (low, middle)
    return high


class _Findings:
    """What is known of a quantized model's layers."""

    def __init__(self, run: _Run, quantized: Quantized) -> None:
        from edge_imgq.quantize.layer_costs import measure_roundings
        from edge_imgq.quantize.switches import Switchboard

        peak = run.source.contract.peak
        self._run = run
        self._graph = _sized(run.source, quantized.original)
        self._board: Switchboard = Switchboard(
            quantized.original, quantized.model, quantized.patches.held_out(peak), peak
        )
        self._roundings: Roundings = measure_roundings(self._board, self._told)

    @property
    def psnr(self) -> float:
        return self._roundings.psnr

    def layers(self) -> tuple[LayerCost, ...]:
        from edge_imgq.quantize.layer_costs import layer_costs
        from edge_imgq.quantize.layer_time import layer_times

        floats = {name for name, kind in self._run.recipe.precision.items() if kind == "float"}
        times = layer_times(self._graph.graph, floats)
        return layer_costs(self._graph.graph, self._board, self._roundings, times)

    def chosen(self, wanted: float) -> tuple[ChosenPrecision, str]:
        """Return layers to keep in float, and the text of a recipe that says so."""
        from edge_imgq.quantize.precision_search import PrecisionSearch

        search = PrecisionSearch(self._graph.graph, self._board, self._roundings.errors)
        asked = wanted
        for _ in range(ROUNDS):
            choice = search.find(asked, self._tried)
            reached = self._reached(choice)
            if reached >= wanted or choice.psnr < asked:
                break
            asked += wanted - reached
        if reached < wanted:
            raise DriftError(
                f"No choice of layers in float comes to {wanted:.1f} dB: with {len(choice.names)} "
                f"of them it is {reached:.1f} dB. Pixels of 8 bits alone leave about 58.9 dB."
            )
        return self._written(choice, wanted, reached)

    def _reached(self, choice: Choice) -> float:
        mixed = replace(self._run.recipe, precision=dict.fromkeys(sorted(choice.names), "float"))
        steps = self._run.quantized(mixed).steps
        return max(step.psnr for step in steps if step.kept)

    def _written(
        self, choice: Choice, wanted: float, reached: float
    ) -> tuple[ChosenPrecision, str]:
        request = self._run.request
        path = request.output / self._run.source.name / RECIPE
        names = tuple(layer.name for layer in self.layers() if layer.name in choice.names)
        found = ChosenPrecision(names, wanted, reached, choice.time, str(path))
        base = quantize_recipe_path(request.scheme).read_text(encoding="utf-8")
        remark = (
            f"Chosen for {self._run.source.name} by `edge-imgq sensitivity`: {reached:.1f} dB from "
            f"the float model on held-out calibration patches, {self.psnr:.1f} with all layers in "
            f"int8, at about {choice.time:.2f} times the time."
        )
        return found, with_precision(base, dict.fromkeys(names, "float"), remark)

    def _told(self, done: int, total: int) -> None:
        self._run.watch(Step("measure layers", done, total))

    def _tried(self, words: str) -> None:
        self._run.watch(Step(words, 0, 1))


def _sized(source: Source, model: ir.Model) -> ir.Model:
    """Return a graph at a usual size, for estimates of time."""
    from edge_imgq.graph.size import bind_size, own_size

    multiple = source.contract.multiple
    height, width = (round(side / multiple) * multiple for side in (SIZE, SIZE * 16 // 9))
    return bind_size(model, own_size(model) or (height, width))


def _picture(found: Sensitivity) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rows = [Bar(layer.name, (layer.weights, layer.output)) for layer in found.layers]
    title = f"{found.model}, {found.scheme}: parts of the squared error, {found.psnr:.1f} dB in all"
    return bar_chart(title, ("weights", "output"), rows)
