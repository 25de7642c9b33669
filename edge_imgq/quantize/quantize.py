"""The whole of quantization: rewrite, observe, place scales, write QDQ, round, correct, tune.

Every step after the scales is judged on patches that it did not learn from, and is undone where the
image did not come nearer to the float model's.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edge_imgq.contract import ImageContract
from edge_imgq.graph.network import Quantization
from edge_imgq.graph.prepared import PreparedGraph, prepared_graph
from edge_imgq.quantize.channel_correction import correct_channels
from edge_imgq.quantize.constraints import image_quantization
from edge_imgq.quantize.edge_factors import remove_idle_factors
from edge_imgq.quantize.observers import OBSERVERS, WEIGHING
from edge_imgq.quantize.patches import PatchKeeper
from edge_imgq.quantize.power_of_two import with_powers
from edge_imgq.quantize.preparation import Prepared, prepare
from edge_imgq.quantize.qdq import insert_qdq
from edge_imgq.quantize.ranges import ChannelRange, Range
from edge_imgq.quantize.scales import place_scales
from edge_imgq.quantize.step import Pair as _Pair
from edge_imgq.quantize.step import QuantizationStep, covered, not_run, psnr_after, unwatched
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.quantize.sensitivity import Sensitivity

Progress = Callable[[int, int], None]
Change = Callable[["_Pair"], "_Pair"]


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
    patches: PatchKeeper


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
    prepared = prepare(graph, recipe, contract, images, extremes, stage or unwatched)
    return _Bench(recipe, contract, prepared).run(progress or unwatched, state)


class _Bench:
    """What the steps share, and the record of what they did."""

    def __init__(self, recipe: QuantizeRecipe, contract: ImageContract, prepared: Prepared) -> None:
        self.recipe, self.contract = recipe, contract
        self.prepared, self.patches = prepared, prepared.patches
        self.judge, self.steps = prepared.judge, prepared.steps
        self.begin = prepared.begin

    def run(self, progress: Progress, state: Path | None) -> Quantized:
        """Take every step of the recipe."""
        pair = self._placed(self.prepared.original, self.prepared.seen)
        self.steps.insert(0, QuantizationStep("scales", self.judge.psnr(pair.quantized)))
        for name, change in self._rounding_steps():
            pair = self._attempt(name, pair, change)
        pair = self._spread(pair)
        if self.recipe.tuning:
            pair = self._attempt("tuning", pair, lambda p: self._tuned(p, progress, state))
        return Quantized(pair.quantized, tuple(self.steps), pair.original, self.patches)

    def _attempt(self, name: str, pair: _Pair, change: Change) -> _Pair:
        """Take a step, and keep it if the image is nearer to the float one than before."""
        self.begin(name)
        before = psnr_after(self.steps)
        changed = covered(lambda: change(pair))
        if isinstance(changed, Skipped):
            self.steps.append(not_run(name, changed))
            return pair
        psnr = self.judge.psnr(changed.quantized)
        self.steps.append(QuantizationStep(name, psnr, kept=psnr >= before))
        return changed if psnr >= before else pair

    def _placed(self, original: ir.Model, seen: Mapping[str, ChannelRange]) -> _Pair:
        """Return the QDQ graph of a float graph, weights rounded to nearest."""
        quantized = original.clone()
        remove_idle_factors(quantized.graph)
        insert_qdq(quantized.graph, self._scales(quantized, seen), by_shift=self._by_shift)
        RemoveUnusedNodesPass()(quantized)  # the float weights, which would fill the file
        return _Pair(original, quantized, seen)

    def _scales(
        self, model: ir.Model, seen: Mapping[str, ChannelRange]
    ) -> dict[ir.Value, Quantization]:
        """Return the quantization of every activation of a float graph."""
        image = image_quantization(self.contract.pixel_scale)
        placed = place_scales(model.graph, self._ranges(model, seen), image)
        return with_powers(placed, image) if self._by_shift else placed

    @property
    def _by_shift(self) -> bool:
        return self.recipe.scales == "power-of-two"

    def _ranges(self, original: ir.Model, seen: Mapping[str, ChannelRange]) -> dict[str, Range]:
        """Return the range that the scale of every activation is to cover."""
        weights: Mapping[str, NDArray[np.float64]] = {}
        if self.recipe.observer in WEIGHING:
            weights = self._image_weights(original)
        observe = OBSERVERS[self.recipe.observer]
        return {name: observe(channels, weights.get(name)) for name, channels in seen.items()}

    def _image_weights(self, original: ir.Model) -> Mapping[str, NDArray[np.float64]]:
        """Return what errors in each channel do to the image; none where that is not known."""
        from edge_imgq.quantize.sensitivity import image_weights

        weights = covered(lambda: image_weights(original, self.prepared.few()))
        if not isinstance(weights, Skipped):
            return weights
        skip = not_run(f"{self.recipe.observer} weights", weights)
        if skip not in self.steps:
            self.steps.append(skip)
        return {}

    def _rounding_steps(self) -> list[tuple[str, Change]]:
        steps: list[tuple[str, Change]] = []
        if self.recipe.rounding == "feedback":
            steps.append(("feedback", self._rounded))
        if "channels" in self.recipe.corrections:
            steps.append(("channels", self._corrected))
        return steps

    def _rounded(self, pair: _Pair) -> _Pair:
        from edge_imgq.quantize.error_feedback import round_with_feedback

        quantized = pair.quantized.clone()
        round_with_feedback(pair.original, quantized, self.prepared.few())
        return _Pair(pair.original, quantized, pair.seen)

    def _corrected(self, pair: _Pair) -> _Pair:
        quantized = pair.quantized.clone()
        correct_channels(pair.original, quantized, self.prepared.few(), gains=not self._by_shift)
        return _Pair(pair.original, quantized, pair.seen)

    def _spread(self, pair: _Pair) -> _Pair:
        """Give channels gains and copies; where both together do not help, gains alone."""
        self.begin("gains and copies of channels")
        drafts = covered(lambda: self._drafts(pair))
        if isinstance(drafts, Skipped):
            wanted = {"equalization": self.recipe.equalization, "copies": self.recipe.copies}
            names = [name for name, kind in wanted.items() if kind != "none"]
            self.steps.append(not_run(" and ".join(names), drafts))
            return pair
        for name, draft in reversed(drafts):
            result = self._attempt(name, pair, self._taking(draft))
            if result is not pair:
                return result
        return pair

    def _drafts(self, pair: _Pair) -> list[tuple[str, _Pair]]:
        """Return float graphs with gains, and with copies besides, weights rounded to nearest."""
        from edge_imgq.quantize.sensitivity import channel_sensitivity

        drafts: list[tuple[str, _Pair]] = []
        if self.recipe.equalization == "none" and self.recipe.copies == "none":
            return drafts
        found = channel_sensitivity(pair.original, self.prepared.few())
        if self.recipe.equalization == "image":
            equalized, found = self._equalized(pair, found)
            drafts.append(("equalization", equalized))
        if self.recipe.copies != "none":
            before = drafts[0][1] if drafts else pair
            copied = self._copied(before, found)
            if copied is None:
                self.steps.append(not_run("copies", Skipped("no channel is worth a copy")))
            else:
                drafts.append(("equalization and copies" if drafts else "copies", copied))
        return drafts

    def _equalized(
        self, pair: _Pair, found: Mapping[str, Sensitivity]
    ) -> tuple[_Pair, dict[str, Sensitivity]]:
        """Return the float graph with gains, and the sensitivities that it has then."""
        from edge_imgq.quantize.equalization import equalize
        from edge_imgq.quantize.headroom import headroom

        original = pair.original.clone()
        image = image_quantization(self.contract.pixel_scale)
        rooms = headroom(original, pair.seen, self.prepared.guard().unlike, self.contract)
        seen, found = equalize(original, pair.seen, image, found, self.recipe.rounding, rooms)
        return self._placed(original, seen), found

    def _copied(self, pair: _Pair, found: Mapping[str, Sensitivity]) -> _Pair | None:
        """Return the float graph with copies; None where there is nothing to copy."""
        from edge_imgq.quantize.copies import copy_channels

        original = pair.original.clone()
        guard = self.prepared.guard()
        fill = self.recipe.copies == "tiles"
        seen = copy_channels(original, pair.seen, self._scales, found, guard, fill_tiles=fill)
        return None if seen is None else self._placed(original, seen)

    def _taking(self, draft: _Pair) -> Change:
        """Return the step that takes a draft, rounded as the pair in its place was."""
        kept = {step.name for step in self.steps if step.kept}
        roundings = [change for name, change in self._rounding_steps() if name in kept]

        def take(_: _Pair) -> _Pair:
            result = draft
            for change in roundings:
                result = change(result)
            return result

        return take

    def _tuned(self, pair: _Pair, progress: Progress, state: Path | None) -> _Pair:
        from edge_imgq.quantize.tuning import Lesson, tune

        quantized = pair.quantized.clone()
        peak = self.contract.peak
        lesson = Lesson(
            self.patches.all(peak),
            self.patches.held_out(peak),
            peak,
            self.recipe.tuning,
            state,
            one_by_one=not self.prepared.takes_batches,
        )
        tune(pair.original, quantized, lesson, progress)
        return _Pair(pair.original, quantized, pair.seen)
