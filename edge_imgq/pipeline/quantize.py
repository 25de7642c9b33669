"""Quantize an opened model by a recipe, and report progress."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.images.samples import ImageSet
from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.pipeline.image_selection import network_inputs
from edge_imgq.pipeline.open_model.source import Source
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.freed_memory import give_back

if TYPE_CHECKING:
    from edge_imgq.quantize.quantize import Quantized

SLOW, QUICK = 30.0, "int8-fast"
"""Seconds of quantization after which progress suggests the quick recipe; its name."""


def quantize_source(
    source: Source,
    recipe: QuantizeRecipe,
    calibration: ImageSet,
    watch: Watch,
    state: Path | None = None,
    kernels: KernelProfile = DEFAULT,
) -> Quantized:
    """Quantize a model to a QDQ graph.

    Args:
        source: float model; it is not changed.
        recipe: quantization recipe.
        calibration: images to choose scales on.
        watch: called before each step.
        state: file that holds the state of an unfinished fine-tuning, to resume it; None for none.
        kernels: kernel profile of the target processor.

    Raises:
        KeyboardInterrupt: interrupted; if the state was kept, the message says how to resume.
        ImageError: an image cannot be read, or is smaller than the receptive field.
        RecipeError: a pass or layer of the recipe does not exist.
        ModelError: the network computes weights at run time, or cannot be quantized otherwise.
        NonFiniteOutputError: an activation becomes NaN or infinite on an image.
        OutputError: the state of fine-tuning cannot be written.
    """
    from edge_imgq.quantize.quantize import quantize_prepared

    def tuning(done: int, total: int) -> None:
        watch(ProgressStep(f"fine-tune ({recipe.graph})", done, total))

    began = time.monotonic()

    def stage(name: str) -> None:
        # The quick recipe is no alternative for a graph with layers in float: it has none.
        has_quick = recipe.graph != QUICK and not recipe.precision
        slow = time.monotonic() - began > SLOW and has_quick
        give_back()
        offer = f" (--scheme {QUICK} is done in a fraction of the time)" if slow else ""
        watch(ProgressStep(f"quantize ({recipe.graph}): {name}{offer}", 0, 1))

    watch(ProgressStep(f"quantize ({recipe.graph}): load PyTorch, prepare the graph", 0, 1))
    images = (sample.pixels for sample in network_inputs(calibration, source))
    extremes = calibration.extremes
    try:
        graph = source.prepared(recipe.passes, kernels)
        return quantize_prepared(
            graph, recipe, source.contract, images, tuning, state, extremes, stage
        )
    except KeyboardInterrupt as interruption:
        if state is not None and state.is_file():
            raise type(interruption)(
                f"Interrupted. Fine-tuning so far is kept in {state}; the same command goes on "
                "from there."
            ) from interruption
        raise
