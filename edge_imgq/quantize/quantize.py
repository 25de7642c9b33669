"""The whole of quantization: rewrite, observe, place scales, write QDQ, round, correct."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.size import own_size
from edge_imgq.quantize.calibrate import observe_ranges
from edge_imgq.quantize.channel_correction import correct_channels, zero_biases
from edge_imgq.quantize.constraints import image_quantization
from edge_imgq.quantize.ending import part_fixed_outputs
from edge_imgq.quantize.error_feedback import round_with_feedback
from edge_imgq.quantize.patches import PatchKeeper
from edge_imgq.quantize.qdq import insert_qdq
from edge_imgq.quantize.scales import place_scales
from edge_imgq.recipe.quantize import QuantizeRecipe

if TYPE_CHECKING:
    from numpy.typing import NDArray


def quantize(
    reference: ir.Model,
    recipe: QuantizeRecipe,
    contract: ImageContract,
    images: Iterable[NDArray[np.uint8]],
) -> ir.Model:
    """Return the QDQ model of a float model: the integer reference of every int8 target.

    Args:
        reference: normalised float model; it is not changed.
        recipe: passes, observer, rounding and corrections.
        contract: meaning of the pixels.
        images: 8-bit (H, W, C) network inputs, consumed one at a time.
    """
    original = rewrite(reference, recipe.passes)
    part_fixed_outputs(original.graph)
    zero_biases(original.graph)
    patches = PatchKeeper(contract.multiple, own_size(original))
    ranges = observe_ranges(original, patches.passing(images), contract.peak)
    quantized = original.clone()
    placed = place_scales(quantized.graph, ranges, image_quantization(contract.pixel_scale))
    insert_qdq(quantized.graph, placed)
    batch = patches.batch(contract.peak)
    if recipe.rounding == "feedback":
        round_with_feedback(original, quantized, batch)
    if "channels" in recipe.corrections:
        correct_channels(original, quantized, batch)
    return quantized
