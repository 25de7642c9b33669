"""`edge_imgq.sensitivity`: measure each layer's int8 error and choose layers to keep in float."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import (
    NOTHING_BOUND,
    NOTHING_SET,
    AnyPath,
    Bound,
    Inputs,
    Progress,
    Range,
    Settings,
    Size,
    as_ports,
    as_range,
    as_settings,
    as_size,
    unwatched,
)
from edge_imgq.api.model import ModelLike, named_or_open
from edge_imgq.api.shown import ShownAsText
from edge_imgq.errors import UsageError

if TYPE_CHECKING:
    from edge_imgq.pipeline.image_selection import Images
    from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost
    from edge_imgq.recipe.quantize import QuantizeRecipe
    from edge_imgq.report.sensitivity import ChosenPrecision, Sensitivity


@dataclass(frozen=True)
class SensitivityResult(ShownAsText):
    """The cost of each layer of a network in int8.

    Attributes:
        sensitivity: all figures.
    """

    sensitivity: Sensitivity = field(repr=False)

    @property
    def psnr(self) -> float:
        """PSNR to the float model's images with every layer quantized, in dB."""
        return self.sensitivity.psnr

    @property
    def layers(self) -> tuple[LayerCost, ...]:
        """What each layer alone costs in int8 (PSNR in dB, estimated time), in graph order."""
        return self.sensitivity.layers

    @property
    def choice(self) -> ChosenPrecision | None:
        """Layers to keep in float; None if neither budget nor fidelity was given."""
        return self.sensitivity.choice

    def __str__(self) -> str:
        """Return the table that the command line prints."""
        from edge_imgq.report.sensitivity_table import sensitivity_table

        return sensitivity_table(self.sensitivity)


def sensitivity(
    model: ModelLike,
    *,
    scheme: AnyPath | QuantizeRecipe = "int8",
    budget: float | None = None,
    fidelity: float | None = None,
    size: Size | None = None,
    calibration: Images | None = None,
    images: Images | None = None,
    output: AnyPath = "artifacts",
    pixel_range: Range | None = None,
    output_name: str | Sequence[str] = "",
    inputs: Inputs = (),
    bind: Bound = NOTHING_BOUND,
    states: Sequence[str] = (),
    settings: Settings = NOTHING_SET,
    progress: Progress | None = None,
) -> SensitivityResult:
    """Measure, for each layer, the error of the image when that layer alone is int8.

    With a budget or fidelity, the layers to keep in float are chosen at the least estimated time,
    and a recipe with them is written: `choice.recipe` is its path. `sensitivity.json` and the chart
    `sensitivity.png` are always written to the model's folder.

    Args:
        model: model that `open` takes or returned; a torch module must be opened first.
        scheme: quantization recipe: a name or path of a recipe in `quantize/`, or a recipe.
        budget: largest PSNR loss of int8 against the truth, in dB; None for no such limit.
        fidelity: least PSNR to the float model's images, in dB, in place of `budget`.
        size: input (height, width) for an ONNX model whose graph depends on it, and for estimated
            times; None for the model's own, or (180, 320).
        calibration: photographs to choose int8 ranges on, as for `export`.
        images: photographs to measure on; None for held-out patches of the calibration images, or
            with `settings` for photographs that ship.
        output: folder that receives a subfolder with the model's name.
        pixel_range: float value of pixel 255, or of pixels 0 and 255, as for `open`.
        output_name: output to keep, or several, main one first; as for `open`.
        inputs: kinds and ranges of inputs, such as "sigma=plane:0..75/255"; as for `open`.
        bind: constants for inputs other than the image, by name; as for `open`.
        states: outputs that feed an input of the next frame; as for `open`.
        settings: numbers of further inputs to measure at, as for `enhance`; others are drawn over
            their range. int8 ranges always come from the whole range of every input.
        progress: called before each step.

    Returns:
        PSNR in dB of each layer alone in int8, and the chosen layers if asked for.

    Raises:
        UsageError: both `budget` and `fidelity` are given, no choice of layers meets them, or a
            budget is given for a task without known truth.
        EdgeImgqError: the model cannot be opened or quantized; the subclass says why.
    """
    from edge_imgq.pipeline.sensitivity.sensitivity import SensitivityRequest
    from edge_imgq.pipeline.sensitivity.sensitivity import sensitivity as run
    from edge_imgq.recipe.quantize import QuantizeRecipe

    if budget is not None and fidelity is not None:
        raise UsageError("Give a budget or a fidelity, not both.")
    asked, ports = as_range(pixel_range), as_ports(output_name, inputs, bind, states)
    wanted = None if size is None else as_size(size)
    request = SensitivityRequest(
        model=named_or_open(model, asked, ports, () if wanted is None else (wanted,)),
        scheme=scheme if isinstance(scheme, QuantizeRecipe) else os.fspath(scheme),
        output=Path(output),
        calibration=calibration,
        pixels=asked,
        budget=budget,
        fidelity=fidelity,
        size=wanted,
        images=images,
        settings=as_settings(settings),
    )
    return SensitivityResult(run(request, progress or unwatched))
