"""`edge_imgq.quantize`: make the QDQ graph that every int8 file is lowered from."""

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
    """A QDQ model with the gain of each quantization step.

    Attributes:
        model: float network.
        recipe: quantization recipe.
        steps: PSNR after each step of the recipe, in dB, on held-out calibration patches.
        advice: sentences about what the calibration images do not cover.
        graph: internal form of the QDQ graph.
    """

    model: Model
    recipe: QuantizeRecipe
    steps: tuple[QuantizationStep, ...]
    advice: tuple[str, ...]
    graph: Quantized = field(repr=False)

    @property
    def psnr(self) -> float:
        """Mean PSNR to the float model's images on the held-out patches, in dB."""
        from edge_imgq.quantize.steps.quantization_step import psnr_after

        return psnr_after(self.steps)

    def onnx(self) -> onnx.ModelProto:
        """Return the graph as ONNX: float operators between QuantizeLinear and DequantizeLinear.

        The image input is float32 (1, C, H, W), as that of the float model.
        """
        import onnx_ir as ir

        model: onnx.ModelProto = ir.to_proto(self.graph.model)
        return model

    def save(self, path: AnyPath) -> Path:
        """Write the QDQ graph as an .onnx file, which `open_file` opens, and return its path.

        The write is atomic and replaces a file; missing folders are created.

        Raises:
            OutputError: the file cannot be written.
        """
        from onnx.helper import set_model_props

        from edge_imgq.artifact import write_bytes
        from edge_imgq.contract import FileNote

        proto, file = self.onnx(), Path(path)
        note = FileNote(self.model.name, self.recipe.graph, self.model.contract, __version__)
        set_model_props(proto, note.to_strings())
        write_bytes(file, proto.SerializeToString(deterministic=True))
        return file

    def __str__(self) -> str:
        """Return the model's description and the gain of each step."""
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
    """Quantize a float model and return its QDQ model; no file is written.

    `export` lowers the same graph to every int8 format.

    Args:
        model: model that `open` takes or returned; a torch module must be opened first.
        recipe: quantization recipe: a name or path of a recipe in `quantize/`, or a recipe.
        images: calibration photographs: a folder, a list of files, or a list of uint8 arrays
            (H, W, 3) or (H, W, 1); None for those that ship.
        pixel_range: float value of pixel 255, or of pixels 0 and 255, as for `open`; only for a
            model that is not open yet.
        output_name: output to keep, or several, main one first; as for `open`.
        inputs: kinds and ranges of inputs, such as "sigma=plane:0..75/255"; as for `open`.
        bind: constants for inputs other than the image, by name; as for `open`.
        states: outputs that feed an input of the next frame; as for `open`.
        progress: called before each step.

    Returns:
        The QDQ model, with its PSNR in dB after each quantization step.

    Raises:
        RecipeError: the recipe does not exist, holds a wrong value, or names a missing layer.
        ModelError: the network cannot be opened or quantized.
        ImageError: an image cannot be read or is too small.
        NonFiniteOutputError: an activation becomes NaN or infinite on a calibration image.
        UsageError: a range or port is given for a model that is open already.
    """
    from edge_imgq.pipeline.image_selection import calibration_images, covering_set
    from edge_imgq.pipeline.quantize import quantize_source
    from edge_imgq.pipeline.shipped_scheme import with_own_keys
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
    if not isinstance(recipe, QuantizeRecipe):
        how = with_own_keys(opened.source.given, how)
    chosen = covering_set(photographs, opened.source, watch)
    quantized = quantize_source(opened.source, how, chosen, watch)
    peak = opened.contract.peak
    advice = calibration_advice(len(chosen.photos), quantized.patches.all(peak), peak)
    return QuantizedModel(opened, how, quantized.steps, advice, quantized)
