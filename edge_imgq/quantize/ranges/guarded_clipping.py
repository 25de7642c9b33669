"""Clip rare activation values where no plausible input image depends on them.

The largest values of an activation are often rare, and a scale that covers them rounds all others
coarsely. Clipping them lowers the noise in every image but ruins images in which they are frequent:
calibrated on eight photographs, `fsrcnn-x2` would gain 0.5 dB and lose 20 dB on a white disc, while
`jpeg-slim` gains 2 dB and loses nothing. Two quantities predict this before anything is rounded:

    N = Σ A · s² / 12    over all activations: rounding noise in every image; s is the scale, A the
                         squared error of the image per unit of error variance of the activation
                         (`edge_imgq.quantize.error_model.channel_sensitivity`);
    E_i                  mean squared difference of image i between the float graph with every
                         activation clipped to the range of its scale, and without clipping.

Activations that share a scale are narrowed together, most promising first, to the range of least
squared error or halfway to it (`edge_imgq.quantize.calibration.observers`). Narrower ranges are
kept if N + E decreases on photographs and if on every guard image
(`edge_imgq.quantize.ranges.ood_images`) N + E grows by at most the factor LOSS or stays below
TRUTH, a share of the float graph's error there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import torch

from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.calibration.observers import least_error
from edge_imgq.quantize.error_model.channel_sensitivity import measure_sensitivity
from edge_imgq.quantize.error_model.rounding_noise import noise_with_gains, rounding_noise
from edge_imgq.quantize.prepare.float_region_gains import is_factor
from edge_imgq.quantize.ranges.guard_set import GuardSet
from edge_imgq.quantize.ranges.ood_images import CELL
from edge_imgq.quantize.ranges.ranges import ChannelRange, Range, bounds
from edge_imgq.quantize.scales.scales import activations, assign_scales
from edge_imgq.quantize.torch.torch_graph import TorchGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Batch = NDArray[np.float32]
    Numbers = NDArray[np.float64]

Ranges = Mapping[str, ChannelRange]

COHERENCE = 16.0
"""Cost of a clipping error relative to a rounding error: neighbouring pixels clip alike."""

NARROWINGS = (1.0, 0.5)
"""Fractions of the way to the range of least error, tried in this order."""

LOSS = 10**0.2
"""Largest factor on the error of a guard image: 2 dB."""

TRUTH = 0.05
"""Error always allowed on an image, as a share of the float graph's error: 0.2 dB."""

MIN_PREDICTED_GAIN = 0.03
MIN_GAIN = 0.05
"""Shares of the noise: least predicted gain of a group to be tried, and of all groups together."""

RIPPLE = 0.005
"""Largest share by which other groups' noise changes when their scales avoid ties again."""


def clip_outliers(
    original: ir.Model, ranges: Ranges, image: Quantization, guard: GuardSet
) -> dict[str, ChannelRange]:
    """Narrow ranges where this lowers the predicted error of photographs and harms no guard image.

    No guard image may lose over 2 dB, unless its error stays below 5 % of the float graph's own. If
    photographs gain less than 5 % in all, the ranges are those in `ranges`.

    Args:
        original: float graph after all rewrites, as it will be quantized.
        ranges: ranges of its activations with details, by value name.
        image: quantization parameters of 8-bit pixels.
        guard: images on which ranges are evaluated.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    error_model = _ErrorModel(original, image, guard, gains=any(map(is_factor, original.graph)))
    best, error = ranges, error_model.photographs(ranges)
    enough = (1 - MIN_GAIN) * error
    allowed = np.maximum(LOSS * error_model.guarding(ranges), TRUTH * error_model.own_errors())
    for names in error_model.groups(ranges):
        for share in NARROWINGS:
            tried = error_model.narrowed(best, names, share)
            if (error_model.guarding(tried) > allowed).any():
                continue
            tried_error = error_model.photographs(tried)
            if tried_error < error:
                best, error = tried, tried_error
                break
    return dict(best if error <= enough else ranges)


def narrow_again(
    original: ir.Model, wide: Ranges, narrow: Ranges, image: Quantization, guard: GuardSet
) -> dict[str, ChannelRange]:
    """Narrow ranges to given ones wherever this raises no predicted error in the photographs.

    The error is rounding noise plus clipping error, per cell of 96 × 96 output pixels. All ranges
    are narrowed at once or, if that is worse in a cell, one scale at a time, largest gain first.

    Args:
        original: float graph after all rewrites, as it will be quantized.
        wide: ranges that cover the activations of the photographs, by value name.
        narrow: ranges of the same activations within the wide ones.
        image: quantization parameters of 8-bit pixels.
        guard: its photographs are used.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    error_model = _ErrorModel(original, image, guard, gains=any(map(is_factor, original.graph)))
    best, errors = dict(wide), error_model.by_cell(wide)
    groups = error_model.groups_that_differ(wide, narrow)
    for names in (list(narrow), *groups):
        tried = best | {name: narrow[name] for name in names}
        tried_errors = error_model.by_cell(tried)
        if (tried_errors <= errors).all():
            best, errors = tried, tried_errors
            if len(names) == len(narrow):
                break
    return best


@dataclass(frozen=True)
class _Images:
    """Network inputs and the float graph's outputs for them, both (N, C, H, W)."""

    inputs: torch.Tensor
    outputs: torch.Tensor


class _ErrorModel:
    """Predicts the error of the image for given ranges."""

    def __init__(
        self, original: ir.Model, image: Quantization, guard: GuardSet, *, gains: bool = False
    ) -> None:
        """Measure the sensitivity; with `gains`, noise is predicted as after equalization."""
        self._graph, self._image, self._guard = original.graph, image, guard
        self._gains = gains
        self._torch = TorchGraph(original)
        values = [v for v in activations(original.graph) if v.shape and len(v.shape) == 4]
        measured = measure_sensitivity(original, values, guard.photos, one_by_one=guard.one_by_one)
        self._weights = {value: measured[value].error for value in values}
        self._photos = self._images(guard.photos)

    @cached_property
    def _guarding(self) -> _Images:
        return self._images(self._guard.unlike)

    def _images(self, batch: Batch) -> _Images:
        inputs = torch.from_numpy(np.ascontiguousarray(batch))
        return _Images(inputs, self._run(inputs, {}))

    def photographs(self, ranges: Ranges) -> float:
        """Predict the mean squared error in photographs, whose values are 0 … peak."""
        return float(self.by_cell(ranges).mean())

    def by_cell(self, ranges: Ranges) -> Numbers:
        """Predict the squared error in every cell of the photographs, float64 (cells,)."""
        return self._errors(self._photos, ranges)

    def guarding(self, ranges: Ranges) -> Numbers:
        """Predict the squared error in every cell of the guard images, float64 (cells,)."""
        return self._errors(self._guarding, ranges)

    def own_errors(self) -> Numbers:
        """Compute the float graph's own squared error in every cell of the guard images.

        It is that of the unclipped output against the ground truth, in squared units of the image,
        averaged over the channels and pixels of a cell. Only drawings have ground truths, and no
        further output has one: the error is 0 where none is known.

        Returns:
            float64 (cells,), in the order of `guarding`.
        """
        outputs = self._guarding.outputs
        errors = torch.zeros_like(outputs)
        if self._guard.truths is not None:
            drawn = len(self._guard.truths)
            truths = torch.from_numpy(self._guard.truths)
            known = truths.shape[1]  # further outputs have no known truth
            errors[:drawn, :known] = outputs[:drawn, :known] - truths
        return _by_cell(errors)

    def _errors(self, images: _Images, ranges: Ranges) -> Numbers:
        qparams = self._qparams(ranges)
        ends = {value: bounds(parameters) for value, parameters in qparams.items()}
        clipped = self._run(images.inputs, ends)
        return _by_cell(clipped - images.outputs) + self._noise(qparams, ranges)

    def groups_that_differ(self, wide: Ranges, narrow: Ranges) -> list[list[str]]:
        """List names of one scale, worth 3 % of the noise from `wide` to `narrow`, best first."""
        qparams, finer = self._qparams(wide), self._qparams(narrow)
        noise = self._noise(qparams, wide)
        gains = []
        for names in _by_scale(qparams):
            gain = self._noise(qparams, wide, names) - self._noise(finer, narrow, names)
            if gain > MIN_PREDICTED_GAIN * noise:
                gains.append((gain, names))
        return [names for _, names in sorted(gains, reverse=True)]

    def groups(self, ranges: Ranges) -> list[list[str]]:
        """List groups of one scale, by names, worth 3 % of the noise if narrowed, best first."""
        qparams = self._qparams(ranges)
        noise = self._noise(qparams, ranges)
        predicted_gains = []
        for names in _by_scale(qparams):
            # Narrowing saves at most the noise of the group, and choosing scales is slow.
            if self._noise(qparams, ranges, names) < (MIN_PREDICTED_GAIN - RIPPLE) * noise:
                continue
            narrowed = self.narrowed(ranges, names, 1.0)
            predicted_gain = noise - self._noise(self._qparams(narrowed), narrowed)
            if predicted_gain > MIN_PREDICTED_GAIN * noise:
                predicted_gains.append((predicted_gain, names))
        return [names for _, names in sorted(predicted_gains, reverse=True)]

    def narrowed(self, ranges: Ranges, names: Sequence[str], share: float) -> Ranges:
        """Move the named ranges by a `share`, 0 to 1, of the way to those of least error."""
        weights = {value.name: weight for value, weight in self._weights.items()}
        result = dict(ranges)
        for name in names:
            whole = ranges[name].whole()
            ends = least_error(ranges[name], weights.get(name), COHERENCE)
            result[name] = _cut(
                ranges[name],
                Range(
                    whole.low + share * (ends.low - whole.low),
                    whole.high + share * (ends.high - whole.high),
                ),
            )
        return result

    def _qparams(self, ranges: Ranges) -> dict[ir.Value, Quantization]:
        whole = {name: channels.whole() for name, channels in ranges.items()}
        return assign_scales(self._graph, whole, self._image)

    def _noise(
        self,
        qparams: Mapping[ir.Value, Quantization],
        ranges: Ranges,
        names: Collection[str] | None = None,
    ) -> float:
        """Predict the rounding noise of all activations, or of the named ones."""
        counted = self._weights
        if names is not None:
            counted = {value: w for value, w in counted.items() if value.name in names}
        if self._gains:
            return noise_with_gains(self._graph, qparams, ranges, counted)
        return rounding_noise(qparams, counted)

    @torch.no_grad()
    def _run(self, images: torch.Tensor, ends: Mapping[ir.Value, Range]) -> torch.Tensor:
        batches = torch.split(images, 1 if self._guard.one_by_one else len(images))
        # Stored as pixels, the output is clipped to their range in any case.
        outputs = torch.cat([self._run_clipped(batch, ends) for batch in batches])
        return outputs.clamp(0, self._guard.peak)

    def _run_clipped(self, images: torch.Tensor, ends: Mapping[ir.Value, Range]) -> torch.Tensor:
        """Run the graph with every activation clipped to its range."""
        before: ir.Node | None = None
        for node, values in self._torch.walk(images):
            for value in before.outputs if before is not None else ():
                if value in ends and value in values:
                    values[value] = values[value].clamp(ends[value].low, ends[value].high)
            before = node
        return self._torch.joined(values)


def _by_scale(qparams: Mapping[ir.Value, Quantization]) -> Iterable[list[str]]:
    """Group the names of activations by their scale."""
    sharing: dict[float, list[str]] = {}
    for value, parameters in qparams.items():
        sharing.setdefault(float(parameters.scale[0]), []).append(value.name or "")
    return sharing.values()


def _by_cell(errors: torch.Tensor) -> Numbers:
    """Average the squares of errors (N, C, H, W) per cell of CELL × CELL pixels, flattened."""
    squares = errors.double().square().mean(1, keepdim=True)
    cell = [min(CELL, length) for length in squares.shape[2:]]
    means: Numbers = torch.nn.functional.avg_pool2d(squares, cell).reshape(-1).numpy()
    return means


def _cut(ranges: ChannelRange, ends: Range) -> ChannelRange:
    """Clip per-channel ranges to a common one."""
    low, high = ranges.low.clip(ends.low, ends.high), ranges.high.clip(ends.low, ends.high)
    return replace(ranges, low=low, high=high)
