"""What all steps of one quantization share, and how a float graph becomes a QDQ graph."""

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
from edge_imgq.quantize.scales.scales import place_scales
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
    """One quantization.

    Attributes:
        recipe: how to quantize.
        contract: meaning of the pixels.
        prepared: the float graph, what the images showed of it, and the record of what ran.
        progress: told steps of fine-tuning done and steps in all.
        state: file that fine-tuning keeps its state in while it lasts; None for none.
    """

    recipe: QuantizeRecipe
    contract: ImageContract
    prepared: Prepared
    progress: Callable[[int, int], None]
    state: Path | None

    @property
    def image(self) -> Quantization:
        """Scale and zero point of the image."""
        return image_quantization(self.contract.pixel_scale)

    @property
    def by_shift(self) -> bool:
        """Whether scales are powers of two, so that a shift rescales."""
        return self.recipe.scales == "power-of-two"

    def pair(self, original: ir.Model, seen: Mapping[str, ChannelRange]) -> QuantizationState:
        """Return a float graph and its QDQ graph, weights rounded to nearest.

        Args:
            original: float; it is not changed.
            seen: range of each channel of its activations, by name.
        """
        quantized = original.clone()
        remove_idle_factors(quantized.graph)
        insert_qdq(quantized.graph, self.scales(quantized, seen), by_shift=self.by_shift)
        RemoveUnusedNodesPass()(quantized)  # the float weights, which would fill the file
        return QuantizationState(original, quantized, seen)

    def scales(
        self, model: ir.Model, seen: Mapping[str, ChannelRange]
    ) -> dict[ir.Value, Quantization]:
        """Return scale and zero point of every activation of a float graph."""
        found = place_scales(model.graph, self._ranges(model, seen), self.image)
        if self.recipe.scales == "symmetric":
            return with_zero_points_0(found, self.image)
        return with_powers(found, self.image) if self.by_shift else found

    def _ranges(self, original: ir.Model, seen: Mapping[str, ChannelRange]) -> dict[str, Range]:
        """Return the range that the scale of every activation is to cover."""
        weights = self._image_weights(original) if self.recipe.observer in WEIGHING else {}
        observe = OBSERVERS[self.recipe.observer]
        return {name: observe(channels, weights.get(name)) for name, channels in seen.items()}

    def _image_weights(self, original: ir.Model) -> ImageWeights:
        """Return what errors in each channel do to the image; none where that is not known."""
        from edge_imgq.quantize.error_model.channel_sensitivity import image_weights

        weights = covered(lambda: image_weights(original, self.prepared.few()))
        if not isinstance(weights, Skipped):
            return weights
        skip = not_run(f"{self.recipe.observer} weights", weights)
        if skip not in self.prepared.steps:
            self.prepared.steps.append(skip)
        return {}
