"""`edge_imgq.quantize`: the integer graph that every int8 file is made from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import (
    NOTHING_BOUND,
    AnyPath,
    Bound,
    Inputs,
    Progress,
    Range,
    as_ports,
    as_range,
    unwatched,
)
from edge_imgq.api.model import Model, ModelLike, opened_with
from edge_imgq.version import __version__

if TYPE_CHECKING:
    import onnx

    from edge_imgq.pipeline.image_selection import Images
    from edge_imgq.quantize.quantize import Quantized
    from edge_imgq.quantize.steps.quantization_step import QuantizationStep
    from edge_imgq.recipe.quantize import QuantizeRecipe


@dataclass(frozen=True)
class QuantizedModel:
    """A QDQ graph, and how it came about.

    Attributes:
        model: the float network.
        recipe: that it was quantized by.
        steps: what each step of the recipe gained on calibration patches that no step learned from.
        advice: sentences about what the calibration images lack.
        graph: the graph as the stages of the package hand it on.
    """

    model: Model
    recipe: QuantizeRecipe
    steps: tuple[QuantizationStep, ...]
    advice: tuple[str, ...]
    graph: Quantized = field(repr=False)

    @property
    def psnr(self) -> float:
        """DB to the float model's images, mean over those patches."""
        from edge_imgq.quantize.steps.quantization_step import psnr_after

        return psnr_after(self.steps)

    def onnx(self) -> onnx.ModelProto:
        """Return the graph as ONNX: QuantizeLinear and DequantizeLinear around float operators."""
        import onnx_ir as ir

        model: onnx.ModelProto = ir.to_proto(self.graph.model)
        return model

    def save(self, path: AnyPath) -> Path:
        """Write the graph as an .onnx file that `open_file` opens.

        Raises:
            OutputError: it cannot be written.
        """
        from onnx.helper import set_model_props

        from edge_imgq.artifact import write_bytes
        from edge_imgq.contract import FileNote

        proto, place = self.onnx(), Path(path)
        note = FileNote(self.model.name, self.recipe.graph, self.model.contract, __version__)
        set_model_props(proto, note.to_strings())
        write_bytes(place, proto.SerializeToString(deterministic=True))
        return place

    def __str__(self) -> str:
        """Return the model, and what each step gained."""
        from edge_imgq.report.explanation import steps_text

        return f"{self.model}\n{steps_text(self.recipe.name, self.steps)}"

    def _repr_html_(self) -> str:
        from edge_imgq.report.notebook import steps_html

        return steps_html(str(self.model), self.recipe.name, self.steps, self.advice)


def quantize(
    model: ModelLike,
    recipe: AnyPath | QuantizeRecipe = "int8",
    images: Images | None = None,
    *,
    pixel_range: Range | None = None,
    output_name: str | Sequence[str] = "",
    inputs: Inputs = (),
    bind: Bound = NOTHING_BOUND,
    states: Sequence[str] = (),
    progress: Progress | None = None,
) -> QuantizedModel:
    """Quantize a network without writing a file: the graph that an export lowers to every format.

    Args:
        model: what `open` takes, or what it returned; a torch module must be opened first.
        recipe: how to quantize: a name or path of a recipe of `quantize/`, or itself.
        images: calibration photographs, as `calibration` of `export`; None for those that ship.
        pixel_range: as for `open`, of a model that is not open yet.
        output_name: likewise.
        inputs: likewise.
        bind: likewise.
        states: likewise.
        progress: called with every step before it begins.

    Raises:
        RecipeError: there is no such recipe, a value of it is wrong, or it names a layer that is
            not there.
        ModelError: the network cannot be opened or quantized.
        ImageError: an image cannot be read or is too small.
    """
    from edge_imgq.pipeline.image_selection import calibration_images, covering_set
    from edge_imgq.pipeline.quantize import quantize_source
    from edge_imgq.quantize.calibration.calibration_advice import calibration_advice
    from edge_imgq.recipe.folders import quantize_recipe
    from edge_imgq.recipe.quantize import QuantizeRecipe, checked_quantize

    watch = progress or unwatched
    if isinstance(recipe, QuantizeRecipe):
        how = checked_quantize(recipe)
    else:
        how = quantize_recipe(os.fspath(recipe))
    photographs = calibration_images(images)
    opened = opened_with(model, as_range(pixel_range), as_ports(output_name, inputs, bind, states))
    chosen = covering_set(photographs, opened.source, watch)
    found = quantize_source(opened.source, how, chosen, watch)
    peak = opened.contract.peak
    advice = calibration_advice(len(chosen.photos), found.patches.all(peak), peak)
    return QuantizedModel(opened, how, found.steps, advice, found)
