"""State shared by all steps of a quantization, and the conversion of a float graph to QDQ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edge_imgq.contract import ImageContract
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.calibration.observers import OBSERVERS, WEIGHING
from edge_imgq.quantize.prepare.float_region_gains import remove_idle_factors
from edge_imgq.quantize.prepare.preparation import Prepared
from edge_imgq.quantize.qdq.qdq import insert_qdq
from edge_imgq.quantize.ranges.ranges import ChannelRange, Range
from edge_imgq.quantize.scales.power_of_two import with_powers
from edge_imgq.quantize.scales.scale_constraints import image_quantization
from edge_imgq.quantize.scales.scales import assign_scales
from edge_imgq.quantize.scales.symmetric import with_zero_points_0
from edge_imgq.quantize.steps.quantization_step import QuantizationState, covered, not_run
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    ImageWeights = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class QuantizationRun:
    """Inputs and settings of one quantization.

    Attributes:
        recipe: settings of the quantizer.
        contract: pixel contract of the model.
        prepared: float graph with ranges, patches and the record of steps.
        progress: called with the number of fine-tuning steps done and their total.
        state: file that holds the state of fine-tuning while it runs; None for no file.
    """

    recipe: QuantizeRecipe
    contract: ImageContract
    prepared: Prepared
    progress: Callable[[int, int], None]
    state: Path | None

    @property
    def image(self) -> Quantization:
        """Scale and zero point of the image's 8-bit pixels: peak / 255 in float32, and −128."""
        return image_quantization(self.contract.pixel_scale)

    @property
    def by_shift(self) -> bool:
        """True if the recipe requires power-of-two scales, so that targets requantize by shifts."""
        return self.recipe.scales == "power-of-two"

    def pair(self, original: ir.Model, observed: Mapping[str, ChannelRange]) -> QuantizationState:
        """Quantize a copy of a float graph to a QDQ graph, and return both.

        Scales follow from the ranges; weights are rounded to nearest, half to even.

        Args:
            original: float graph; it is not changed.
            observed: ranges of its activations, by value name.
        """
        quantized = original.clone()
        remove_idle_factors(quantized.graph)
        insert_qdq(quantized.graph, self.scales(quantized, observed), by_shift=self.by_shift)
        RemoveUnusedNodesPass()(quantized)  # the float weights, which would enlarge the file
        return QuantizationState(original, quantized, observed)

    def scales(
        self, model: ir.Model, observed: Mapping[str, ChannelRange]
    ) -> dict[ir.Value, Quantization]:
        """Choose int8 scale and zero point of every activation as the recipe requires.

        Args:
            model: float graph; it is not changed.
            observed: ranges of its activations, by value name.

        Returns:
            Per-tensor parameters of every activation that is stored, by value of `model`. With
            recipe scales "symmetric" zero points are 0, with "power-of-two" scales are powers of
            two; the image's are peak / 255 and −128 in either case.
        """
        scales = assign_scales(model.graph, self._ranges(model, observed), self.image)
        if self.recipe.scales == "symmetric":
            return with_zero_points_0(scales, self.image)
        return with_powers(scales, self.image) if self.by_shift else scales

    def _ranges(self, original: ir.Model, observed: Mapping[str, ChannelRange]) -> dict[str, Range]:
        """Choose the range of every activation with the recipe's observer."""
        weights = self._image_weights(original) if self.recipe.observer in WEIGHING else {}
        observe = OBSERVERS[self.recipe.observer]
        return {name: observe(channels, weights.get(name)) for name, channels in observed.items()}

    def _image_weights(self, original: ir.Model) -> ImageWeights:
        """Estimate the image's sensitivity to each channel; empty if it cannot be computed."""
        weights = covered(lambda: self.prepared.image_weights(original))
        if not isinstance(weights, Skipped):
            return weights
        skip = not_run(f"{self.recipe.observer} weights", weights)
        if skip not in self.prepared.steps:
            self.prepared.steps.append(skip)
        return {}
