"""The whole of quantization: rewrite, observe, place scales, write QDQ, then STEPS in their order.

`prepare/preparation.py` holds what is decided before any scale, `steps/quantization_run.py` how a
float graph becomes a QDQ graph, `steps/steps.py` all that makes its image nearer to the float
model's.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.graph.prepared import PreparedGraph, prepared_graph
from edge_imgq.quantize.calibration.patch_sampler import PatchSampler
from edge_imgq.quantize.prepare.preparation import prepare
from edge_imgq.quantize.steps.quantization_run import QuantizationRun
from edge_imgq.quantize.steps.quantization_step import QuantizationStep, no_progress
from edge_imgq.quantize.steps.steps import STEPS, take
from edge_imgq.recipe.quantize import QuantizeRecipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Quantized:
    """The QDQ model, and how it came about.

    Attributes:
        model: the QDQ graph.
        steps: what each step did for it.
        original: the float graph that it was made from, nodes under the same names.
        patches: of the calibration images.
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
    """Return the QDQ model of a float model: the integer reference of every int8 target.

    Arguments are those of `quantize_in_steps`.
    """
    return quantize_in_steps(reference, recipe, contract, images).model


def quantize_in_steps(
    reference: ir.Model,
    recipe: QuantizeRecipe,
    contract: ImageContract,
    images: Iterable[NDArray[np.uint8]],
) -> Quantized:
    """Return the QDQ model of a float model, and what each step of the recipe gained.

    Arguments and errors are those of `quantize_prepared`, but for `reference`, a normalised float
    model that the recipe's passes have not gone through yet; it is not changed.
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
) -> Quantized:
    """Return the QDQ model of a float graph, and what each step of the recipe gained.

    Args:
        graph: float, as the recipe's passes left it; it is not changed.
        recipe: observer, equalization, copies, rounding, corrections and tuning.
        contract: meaning of the pixels.
        images: 8-bit (H, W, C) network inputs, consumed one at a time.
        progress: told steps of fine-tuning done and steps in all.
        state: file that fine-tuning keeps its state in while it lasts; None for none.
        extremes: places of images that count for the ranges alone; no step learns from them.
        stage: told what is begun, in words.

    Raises:
        ModelError: the network computes the weights of a convolution.
        RecipeError: the recipe names a layer that is not there.
    """
    prepared = prepare(graph, recipe, contract, images, extremes, stage or no_progress)
    run = QuantizationRun(recipe, contract, prepared, progress or no_progress, state)
    pair = run.pair(prepared.original, prepared.seen)
    prepared.steps.insert(0, QuantizationStep("scales", prepared.judge.psnr(pair.quantized)))
    for step in STEPS:
        if step.wanted(recipe):
            pair = take(step, run, pair)
    return Quantized(pair.quantized, tuple(prepared.steps), pair.original, prepared.patches)
