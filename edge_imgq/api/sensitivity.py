"""`edge_imgq.sensitivity`: what each layer costs in int8, and which to keep in float."""

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
    Size,
    as_ports,
    as_range,
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
    """What each layer of a network costs in int8.

    Attributes:
        sensitivity: everything that was measured.
    """

    sensitivity: Sensitivity = field(repr=False)

    @property
    def psnr(self) -> float:
        """DB to the float model's images with everything quantized."""
        return self.sensitivity.psnr

    @property
    def layers(self) -> tuple[LayerCost, ...]:
        """What each layer costs, in their order."""
        return self.sensitivity.layers

    @property
    def choice(self) -> ChosenPrecision | None:
        """The layers to keep in float; None where no budget was given."""
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
    progress: Progress | None = None,
) -> SensitivityResult:
    """Measure how far the image moves when one layer alone is int8, for every layer.

    With a budget or a fidelity, layers are chosen that compute in float, at the least time, and a
    recipe that says so is written: `choice.recipe` is its path. A report and a picture are written
    into the model's folder in any case.

    Args:
        model: what `open` takes, or what it returned; a torch module must be opened first.
        scheme: how to quantize: a name or path of a recipe of `quantize/`, or itself.
        budget: dB that int8 may cost against the truth; None for no search, or for `fidelity`.
        fidelity: dB to the float model's image that are wanted instead.
        size: height and width, for an ONNX model whose form follows from them; times are estimated
            at it; None for its own, or 180 × 320.
        calibration: photographs to choose int8 ranges by, as for `export`.
        images: photographs to measure on; None for patches of the calibration images that no step
            learned from.
        output: folder that gets one for the model.
        pixel_range: as for `open`.
        output_name: likewise.
        inputs: likewise.
        bind: likewise.
        states: likewise.
        progress: called with every step before it begins.

    Raises:
        UsageError: budget and fidelity are both given; no choice of layers meets them; or a budget
            is given for a task whose truth is not known.
        EdgeImgqError: of the class that fits, where the model cannot be opened or quantized.
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
    )
    return SensitivityResult(run(request, progress or unwatched))
