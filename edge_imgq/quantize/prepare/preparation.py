"""Rewrite the float graph for quantization and measure the ranges of its values.

The images are streamed once. Decisions that depend on their ranges are made here, before any scale
is chosen: which concatenations and PReLUs are split, and where ranges are clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.graph.load.refusals import refuse_computed_weights
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.graph.shapes.size import own_size, takes_batches
from edge_imgq.images.layout import to_nchw
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.calibration.patch_sampler import PatchSampler
from edge_imgq.quantize.mixed_precision.float_layers import mark_precision
from edge_imgq.quantize.mixed_precision.layer_time import share_of_float_time
from edge_imgq.quantize.prepare.float_operators import OperatorGroup, operators_in_float
from edge_imgq.quantize.prepare.heldout_psnr import HeldOutPsnr
from edge_imgq.quantize.prepare.output_requantize import insert_output_requantize
from edge_imgq.quantize.prepare.split_concat_conv import (
    split_concatenations,
    split_named,
    with_partial_sums,
)
from edge_imgq.quantize.ranges.black_white_ranges import include_black_and_white
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.ranges.relu_sum_range import limit_relu_sums
from edge_imgq.quantize.ranges.saturating_activations import limit_to_saturation
from edge_imgq.quantize.ranges.vivid_colour_ranges import (
    include_every_colour,
    include_vivid_colours,
    vivid,
)
from edge_imgq.quantize.scales.scale_constraints import image_quantization
from edge_imgq.quantize.scales.scales import activations
from edge_imgq.quantize.steps.bias_correction import zero_biases
from edge_imgq.quantize.steps.quantization_step import QuantizationStep, covered, not_run
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.quantize.ranges.guard_set import GuardSet

    Ranges = Mapping[str, ChannelRange]


@dataclass
class Prepared:
    """A float graph ready for quantization, with the ranges of its activations.

    Attributes:
        original: the graph; it equals the model up to float rounding and pruned PReLU channels.
        observed: ranges of its activations, by value name.
        patches: patches of the calibration images.
        judge: measures PSNR to the float model.
        takes_batches: whether the graph takes several images at once.
        contract: pixel contract of the model.
        kernels: kernel profile of the target processor.
        begin: called with the name of each step as it begins.
        steps: preparation steps that were skipped; the quantizer appends its own.
    """

    original: ir.Model
    observed: dict[str, ChannelRange]
    patches: PatchSampler
    judge: HeldOutPsnr
    takes_batches: bool
    contract: ImageContract
    kernels: KernelProfile
    begin: Callable[[str], None]
    steps: list[QuantizationStep] = field(default_factory=list)
    _errors: dict[str, NDArray[np.float64]] | None = field(default=None, init=False)

    def few(self) -> NDArray[np.float32]:
        """Return about 8 training patches of 96 × 96 pixels, float32 (N, C, H, W), 0 … peak."""
        return self.patches.batch(self.contract.peak)

    def errors(self) -> dict[str, NDArray[np.float64]]:
        """Estimate the squared error of the image per squared error in a channel, by value name.

        float64 (C,) for each (N, C, H, W) value, in squared units of the image per squared unit of
        the value, from random signs with a fixed seed. Computed at the first call.

        Raises:
            NotCoveredError: an operator has no torch implementation.
        """
        if self._errors is None:
            self._errors = self.image_weights(self.original)
        return self._errors

    def errors_of(self, variant: ir.Model) -> dict[str, NDArray[np.float64]]:
        """Estimate the same as `errors` for a variant of the graph, by value name.

        That is the squared error of the image per squared error in each channel: float64 (C,) for
        each (N, C, H, W) value, from random signs with a fixed seed. For the original graph, the
        result of `errors` is returned.

        Raises:
            NotCoveredError: an operator has no torch implementation.
        """
        return self.errors() if variant is self.original else self.image_weights(variant)

    def image_weights(self, model: ir.Model) -> dict[str, NDArray[np.float64]]:
        """Estimate the squared error of the image per squared error in a channel, by value name.

        float64 (C,) for each (N, C, H, W) value of a graph in its present state, from random signs
        with a fixed seed; nothing is cached.

        Raises:
            NotCoveredError: an operator has no torch implementation.
        """
        from edge_imgq.quantize.error_model.channel_sensitivity import image_weights

        return image_weights(model, self.few(), one_by_one=not self.takes_batches)

    def guard(self) -> GuardSet:
        """Return the photographs and drawings to evaluate range clipping on, made at every call."""
        from edge_imgq.quantize.ranges.guard_set import guard_of

        return guard_of(self.contract, self.patches, one_by_one=not self.takes_batches)

    def take(self, name: str, step: Callable[[], dict[str, ChannelRange] | None]) -> None:
        """Run a step and store the ranges that it returns; None keeps the present ones.

        A step that torch cannot run because of an operator is recorded as skipped.

        Args:
            name: name of the step, for progress and the record.
            step: returns the new ranges of all activations, by value name, or None.
        """
        self.begin(name)
        ranges = covered(step)
        if isinstance(ranges, Skipped):
            self.steps.append(not_run(name, ranges))
        elif ranges is not None:
            self.observed = ranges


def prepare(
    graph: PreparedGraph,
    recipe: QuantizeRecipe,
    contract: ImageContract,
    images: Iterable[NDArray[np.uint8]],
    extremes: Container[int],
    begin: Callable[[str], None],
    float_groups: Sequence[OperatorGroup] | None = None,
) -> Prepared:
    """Rewrite a float graph as the recipe requires and measure its ranges on the images.

    Args:
        graph: float graph after the recipe's passes; it is not changed.
        recipe: quantization recipe.
        contract: pixel range and meaning of the model's input and output.
        images: uint8 (H, W, C) network inputs, consumed one at a time.
        extremes: indices of images used for ranges only; no patches are drawn from them.
        begin: called with the name of each step.
        float_groups: operators that may compute in float; by default all groups.

    Raises:
        ModelError: the network computes the weights of a convolution, or does not run on an image.
        RecipeError: the recipe names a layer that the graph does not have.
        ImageError: there is no image.
        NonFiniteOutputError: an activation is NaN or infinite on an image.
    """
    begin("ranges of activations")
    original = graph.model.clone()
    refuse_computed_weights(original, "The model")
    insert_output_requantize(original.graph)
    zero_biases(original.graph)
    split_named(original.graph, recipe.precision)
    mark_precision(original.graph, recipe.precision)
    patches = PatchSampler(contract.multiple, own_size(original))
    sampled = patches.sampling(images, extremes)
    watched = with_partial_sums(original)
    closely = recipe.observer != "min-max"
    observed = observe_channels(watched, sampled, contract.peak, closely=closely)
    observed = include_black_and_white(watched, observed, contract, patches.size)
    observed = include_every_colour(watched, observed, contract, patches.size)
    wide = include_vivid_colours(watched, observed, contract, patches.pixels())
    judge = HeldOutPsnr(original, patches.held_out(contract.peak), contract.peak)
    batches = takes_batches(original, patches.size)
    prepared = Prepared(original, wide, patches, judge, batches, contract, graph.kernels, begin)
    if recipe.equalization == "image":
        image = image_quantization(contract.pixel_scale)
        share = partial(share_of_float_time, size=patches.size, profile=graph.kernels)
        prepared.take(
            "float operators",
            lambda: operators_in_float(
                original, wide, image, prepared.errors_of, share, float_groups
            ),
        )
    if any(wide[name] is not observed[name] for name in observed):
        prepared.take("vivid colours", lambda: _where_vivid_colours_gain(prepared, observed))
    _choose(prepared, recipe)
    return prepared


def _where_vivid_colours_gain(prepared: Prepared, narrow: Ranges) -> dict[str, ChannelRange]:
    """Narrow the ranges again where vivid colours lose less than the finer steps gain."""
    from edge_imgq.quantize.ranges.guarded_clipping import narrow_again

    guard = prepared.guard()
    # Whole patches: the colours that widened the ranges can be anywhere in them.
    patches = prepared.patches.pixels()
    photos = np.concatenate([to_nchw(vivid(pixels), guard.peak) for pixels in patches])
    image = image_quantization(prepared.contract.pixel_scale)
    return narrow_again(
        prepared.original, prepared.observed, narrow, image, replace(guard, photos=photos)
    )


def _choose(prepared: Prepared, recipe: QuantizeRecipe) -> None:
    """Split concatenations and PReLUs and clip ranges, as the observed ranges suggest."""
    original, image = prepared.original, image_quantization(prepared.contract.pixel_scale)
    gains = recipe.equalization == "image"
    prepared.take(
        "concatenations",
        lambda: split_concatenations(
            original, prepared.observed, image, prepared.errors, gains=gains
        ),
    )
    names = [value.name or "" for value in activations(original.graph)]
    observed = limit_relu_sums(original.graph, {name: prepared.observed[name] for name in names})
    prepared.observed = limit_to_saturation(original.graph, observed, image)
    if "cheap-sign-split" in recipe.passes and any(n.op_type == "PRelu" for n in original.graph):
        from edge_imgq.quantize.prepare.split_wide_prelus import split_wide

        prepared.take(
            "sign channels of PReLUs",
            lambda: split_wide(original, prepared.observed, prepared.guard(), prepared.kernels),
        )
    if recipe.observer == "guarded":
        from edge_imgq.quantize.ranges.guarded_clipping import clip_outliers

        prepared.take(
            "guarded ranges",
            lambda: clip_outliers(original, prepared.observed, image, prepared.guard()),
        )
