"""Post-training int8 quantization of a float model, from the recipe's passes to the QDQ graph.

`prepare/preparation.py` makes the decisions that precede the scales, `steps/quantization_run.py`
turns a float graph into a QDQ graph, and `steps/steps.py` lists the steps that then bring its image
closer to the float model's.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.graph.prepared import PreparedGraph, prepared_graph
from edge_imgq.quantize.calibration.patch_sampler import PatchSampler
from edge_imgq.quantize.prepare.float_operators import OperatorGroup
from edge_imgq.quantize.prepare.preparation import prepare
from edge_imgq.quantize.steps.quantization_run import QuantizationRun
from edge_imgq.quantize.steps.quantization_step import QuantizationStep, no_progress
from edge_imgq.quantize.steps.steps import STEPS, take
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.torch_threads import torch_threads

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Quantized:
    """A QDQ model with the record of how it was made.

    Attributes:
        model: QDQ graph.
        steps: outcome of every step, in the order they ran; the first is "scales".
        original: float graph that `model` quantizes, with the same node names.
        patches: patches of the calibration images.
    """

    model: ir.Model
    steps: tuple[QuantizationStep, ...]
    original: ir.Model
    patches: PatchSampler


def quantize(
    reference: ir.Model,
    recipe: QuantizeRecipe,
    contract: ImageContract,
    images: Iterable[NDArray[np.uint8]],
) -> ir.Model:
    """Quantize a float model and return its QDQ model, the integer reference of every int8 target.

    Args:
        reference: normalised float model before the recipe's passes; it is not changed.
        recipe: passes, observer and steps of the quantizer.
        contract: pixel range and meaning of the model's input and output.
        images: uint8 (H, W, C) network inputs, consumed one at a time.

    Raises:
        ModelError: the network computes the weights of a convolution, or does not run on an image.
        RecipeError: the recipe names a pass or layer that does not exist.
        ImageError: there is no image.
        NonFiniteOutputError: an activation is NaN or infinite on an image.
    """
    return quantize_in_steps(reference, recipe, contract, images).model


def quantize_in_steps(
    reference: ir.Model,
    recipe: QuantizeRecipe,
    contract: ImageContract,
    images: Iterable[NDArray[np.uint8]],
) -> Quantized:
    """Quantize a float model; return the QDQ model with the outcome of every step of the recipe.

    A step that lowers the PSNR to the float model is undone.

    Args:
        reference: normalised float model before the recipe's passes; it is not changed.
        recipe: passes, observer and steps of the quantizer.
        contract: pixel range and meaning of the model's input and output.
        images: uint8 (H, W, C) network inputs, consumed one at a time.

    Raises:
        ModelError: the network computes the weights of a convolution, or does not run on an image.
        RecipeError: the recipe names a pass or layer that does not exist.
        ImageError: there is no image.
        NonFiniteOutputError: an activation is NaN or infinite on an image.
    """
    graph = prepared_graph(reference, recipe.passes)
    return quantize_prepared(graph, recipe, contract, images)


def quantize_prepared(
    graph: PreparedGraph,
    recipe: QuantizeRecipe,
    contract: ImageContract,
    images: Iterable[NDArray[np.uint8]],
    progress: Progress | None = None,
    state: Path | None = None,
    extremes: Container[int] = (),
    stage: Callable[[str], None] | None = None,
    float_groups: Sequence[OperatorGroup] | None = None,
) -> Quantized:
    """Quantize a float graph, and measure the PSNR after every step of the recipe.

    A step that lowers the PSNR is undone. torch computes in one thread, fine-tuning excepted, so
    that without fine-tuning the result does not depend on the number of threads.

    Args:
        graph: float graph after the recipe's passes; it is not changed.
        recipe: observer, equalization, channel copies, weight rounding, bias correction and
            fine-tuning.
        contract: pixel range and meaning of the model's input and output.
        images: uint8 (H, W, C) network inputs, consumed one at a time.
        progress: called with the number of fine-tuning steps done and their total.
        state: file that holds the state of fine-tuning while it runs; None for no file.
        extremes: indices of images used for ranges only; no step learns from them.
        stage: called with a description of each stage as it begins.
        float_groups: operators that may compute in float, groups tried in this order; by default
            all (`edge_imgq.quantize.prepare.float_operators`).

    Raises:
        ModelError: the network computes the weights of a convolution, or does not run on an image.
        RecipeError: the recipe names a layer that the graph does not have.
        ImageError: there is no image.
        NonFiniteOutputError: an activation is NaN or infinite on an image.
        OutputError: the state of fine-tuning cannot be written.
    """
    with torch_threads(1):
        begin = stage or no_progress
        prepared = prepare(graph, recipe, contract, images, extremes, begin, float_groups)
        run = QuantizationRun(recipe, contract, prepared, progress or no_progress, state)
        pair = run.pair(prepared.original, prepared.observed)
    prepared.steps.insert(0, QuantizationStep("scales", prepared.judge.psnr(pair.quantized)))
    for step in STEPS:
        if step.requested(recipe):
            pair = take(step, run, pair)
    return Quantized(pair.quantized, tuple(prepared.steps), pair.original, prepared.patches)
