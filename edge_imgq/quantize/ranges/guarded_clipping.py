"""Cutting off what is rare, where no image that anybody may bring needs it.

The largest values of an activation are often rare, and a scale that covers them rounds all others
coarsely. Clipping them spares noise in every image, and ruins those that are full of them: after
eight photographs `fsrcnn-x2` would gain half a decibel and lose twenty on a white disc, while
`jpeg-slim` gains two and loses none. Both are foretold before anything is rounded:

    N = Σ A · s² / 12    over all activations: what rounding leaves in every image; s is the scale,
                         A the squared error of the image by that of the activation
                         (`edge_imgq.quantize.error_model.channel_sensitivity`);
    E_i                  mean squared difference of image i to what the float graph makes of it when
                         every activation is clipped to what its scale holds.

Activations that share a scale are narrowed together, those first that promise most, to the range of
least squared error or half way there (`edge_imgq.quantize.calibration.observers`). Narrower ranges
are kept if N + E falls on photographs, and if on no guarding image
(`edge_imgq.quantize.ranges.ood_images`) N + E rises by more than LOSS, unless it stays below a
share of the float graph's own error there, TRUTH.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import torch

from edge_imgq.contract import ImageContract
from edge_imgq.graph.network import Quantization
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.observers import least_error
from edge_imgq.quantize.calibration.patch_sampler import PatchSampler
from edge_imgq.quantize.error_model.channel_sensitivity import measure_sensitivity
from edge_imgq.quantize.error_model.rounding_noise import noise_with_gains, rounding_noise
from edge_imgq.quantize.prepare.float_region_gains import is_factor
from edge_imgq.quantize.ranges.ood_images import CELL, stress_images, varied
from edge_imgq.quantize.ranges.ranges import ChannelRange, Range, bounds
from edge_imgq.quantize.scales.scales import activations, place_scales
from edge_imgq.quantize.torch.torch_graph import TorchGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Batch = NDArray[np.float32]
    Numbers = NDArray[np.float64]

Seen = Mapping[str, ChannelRange]

COHERENCE = 16.0
"""How much dearer clipping is than independent errors of its size: neighbours are clipped alike."""

PARTS = (1.0, 0.5)
"""How far towards the range of least error ends are moved, tried in this order."""

LOSS = 10**0.2
"""Factor by which the error of a guarding image may grow: two decibels."""

TRUTH = 0.05
"""Share of the float graph's own error that an image may have whatever it had before: 0.2 dB."""

LEAST_PROMISE = 0.03
LEAST_GAIN = 0.05
"""Shares of the noise that narrowing a group must promise to be tried, and all must spare."""

RIPPLE = 0.005
"""Share by which the noise of others may change as scales avoid halves anew; far more than seen."""

CONTRASTS = 4
"""Photographs that are shown to the network in other contrast."""


@dataclass(frozen=True)
class GuardSet:
    """Images that a choice of ranges is judged by.

    Attributes:
        photos: that are to gain, (N, C, H, W) in 0 … peak.
        stress: drawings that must not lose (M, C, H, W); photographs in other contrast are added.
        truths: (M, C, H × scale, W × scale); None where the task is not known.
        peak: float value of pixel 255.
        one_by_one: whether the graph computes one image at a time.
    """

    photos: Batch
    stress: Batch
    truths: Batch | None
    peak: float
    one_by_one: bool = False

    @property
    def unlike(self) -> Batch:
        """Return the drawings, then some photographs in other contrast."""
        return np.concatenate([self.stress, varied(self.photos[:CONTRASTS], self.peak)])


def guard_of(contract: ImageContract, patches: PatchSampler, *, one_by_one: bool) -> GuardSet:
    """Return the images to judge ranges by.

    Args:
        contract: of the network.
        patches: of the calibration images.
        one_by_one: whether the graph computes one image at a time.
    """
    photos = patches.batch(contract.peak)
    height, width = patches.size
    if patches.is_free and contract.scale > 1:
        # As large in the output as those of other networks: a pixel costs as much more.
        unit = contract.scale * contract.multiple
        height, width = (-(-length // unit) * contract.multiple for length in (height, width))
        photos = photos[:, :, :height, :width]
    drawn = stress_images(contract, (height, width))
    inputs = [to_nchw(image.pixels, contract.peak) for image in drawn]
    truths = [to_nchw(i.truth, contract.peak) for i in drawn if i.truth is not None]
    return GuardSet(
        photos[:1] if one_by_one else photos,
        np.concatenate(inputs),
        np.concatenate(truths) if truths else None,
        contract.peak,
        one_by_one,
    )


def clip_outliers(
    original: ir.Model, seen: Seen, image: Quantization, guard: GuardSet
) -> dict[str, ChannelRange]:
    """Return ranges without what is rare, where that helps photographs and harms no other image.

    Args:
        original: float graph, rewritten as it will be quantized.
        seen: ranges of its activations with details, by name.
        image: parameters of 8-bit pixels.
        guard: images to judge by.

    Raises:
        NotCoveredError: an operator has no torch form.
    """
    forecast = _ErrorModel(original, image, guard, gains=any(map(is_factor, original.graph)))
    best, error = dict(seen), forecast.photographs(seen)
    enough = (1 - LEAST_GAIN) * error
    allowed = np.maximum(LOSS * forecast.guarding(seen), TRUTH * forecast.own_errors())
    for names in forecast.groups(seen):
        for part in PARTS:
            tried = forecast.narrowed(best, names, part)
            if (forecast.guarding(tried) > allowed).any():
                continue
            found = forecast.photographs(tried)
            if found < error:
                best, error = tried, found
                break
    return best if error <= enough else dict(seen)


def narrow_again(
    original: ir.Model, wide: Seen, narrow: Seen, image: Quantization, guard: GuardSet
) -> dict[str, ChannelRange]:
    """Return ranges that are wide where photographs gain by it, and narrow elsewhere.

    Wide ranges stay where without them N + E would rise in any cell of the photographs: clipping
    is rare, and ruins the places where it happens. All are tried as narrow, and where that costs
    more, those of one scale after the other, the noisiest first.

    Args:
        original: float graph, rewritten as it will be quantized.
        wide: ranges that cover all that the photographs take.
        narrow: ranges within these, of the same activations.
        image: parameters of 8-bit pixels.
        guard: whose photographs to judge by.

    Raises:
        NotCoveredError: an operator has no torch form.
    """
    forecast = _ErrorModel(original, image, guard, gains=any(map(is_factor, original.graph)))
    best, errors = dict(wide), forecast.by_cell(wide)
    groups = forecast.groups_that_differ(wide, narrow)
    for names in (list(narrow), *groups):
        tried = best | {name: narrow[name] for name in names}
        found = forecast.by_cell(tried)
        if (found <= errors).all():
            best, errors = tried, found
            if len(names) == len(narrow):
                break
    return best


@dataclass(frozen=True)
class _Images:
    """Network inputs, and what the float graph makes of them, both (N, C, H, W)."""

    inputs: torch.Tensor
    outputs: torch.Tensor


class _ErrorModel:
    """Foretells the errors that ranges lead to."""

    def __init__(
        self, original: ir.Model, image: Quantization, guard: GuardSet, *, gains: bool = False
    ) -> None:
        """Args: `gains`, whether channels will get gains; the others as in `clip_outliers`."""
        self._graph, self._image, self._guard = original.graph, image, guard
        self._gains = gains
        self._torch = TorchGraph(original)
        values = [v for v in activations(original.graph) if v.shape and len(v.shape) == 4]
        found = measure_sensitivity(original, values, guard.photos)
        self._weights = {value: found[value].error for value in values}
        self._photos = self._images(guard.photos)

    @cached_property
    def _guarding(self) -> _Images:
        return self._images(self._guard.unlike)

    def _images(self, batch: Batch) -> _Images:
        inputs = torch.from_numpy(np.ascontiguousarray(batch))
        return _Images(inputs, self._run(inputs, {}))

    def photographs(self, seen: Seen) -> float:
        """Return the mean squared error that ranges lead to in photographs."""
        return float(self.by_cell(seen).mean())

    def by_cell(self, seen: Seen) -> Numbers:
        """Return the same of every cell of the photographs."""
        return self._errors(self._photos, seen)

    def guarding(self, seen: Seen) -> Numbers:
        """Return what they lead to in every cell of the images that must not lose."""
        return self._errors(self._guarding, seen)

    def own_errors(self) -> Numbers:
        """Return the float graph's error of every such cell; 0 where nobody knows the truth."""
        outputs = self._guarding.outputs
        errors = torch.zeros_like(outputs)
        if self._guard.truths is not None:
            drawn = len(self._guard.truths)
            truths = torch.from_numpy(self._guard.truths)
            known = truths.shape[1]  # of what is returned beside the picture nobody knows it
            errors[:drawn, :known] = outputs[:drawn, :known] - truths
        return _by_cell(errors)

    def _errors(self, images: _Images, seen: Seen) -> Numbers:
        placed = self._placed(seen)
        ends = {value: bounds(parameters) for value, parameters in placed.items()}
        clipped = self._run(images.inputs, ends)
        return _by_cell(clipped - images.outputs) + self._noise(placed, seen)

    def groups_that_differ(self, wide: Seen, narrow: Seen) -> list[list[str]]:
        """Return activations with one scale whose steps are clearly finer in narrow ranges."""
        placed, finer = self._placed(wide), self._placed(narrow)
        noise = self._noise(placed, wide)
        gains = []
        for names in _sharing(placed):
            gain = self._noise(placed, wide, names) - self._noise(finer, narrow, names)
            if gain > LEAST_PROMISE * noise:
                gains.append((gain, names))
        return [names for _, names in sorted(gains, reverse=True)]

    def groups(self, seen: Seen) -> list[list[str]]:
        """Return activations with one scale, those first whose narrowing promises most."""
        placed = self._placed(seen)
        noise = self._noise(placed, seen)
        promises = []
        for names in _sharing(placed):
            # Narrowing spares no more than a group's own noise; to place scales takes time.
            if self._noise(placed, seen, names) < (LEAST_PROMISE - RIPPLE) * noise:
                continue
            narrowed = self.narrowed(seen, names, 1.0)
            promise = noise - self._noise(self._placed(narrowed), narrowed)
            if promise > LEAST_PROMISE * noise:
                promises.append((promise, names))
        return [names for _, names in sorted(promises, reverse=True)]

    def narrowed(self, seen: Seen, names: Sequence[str], part: float) -> dict[str, ChannelRange]:
        """Return ranges with those of some activations moved towards those of least error."""
        weights = {value.name: weight for value, weight in self._weights.items()}
        result = dict(seen)
        for name in names:
            whole = seen[name].whole()
            ends = least_error(seen[name], weights.get(name), COHERENCE)
            result[name] = _cut(
                seen[name],
                Range(
                    whole.low + part * (ends.low - whole.low),
                    whole.high + part * (ends.high - whole.high),
                ),
            )
        return result

    def _placed(self, seen: Seen) -> dict[ir.Value, Quantization]:
        ranges = {name: found.whole() for name, found in seen.items()}
        return place_scales(self._graph, ranges, self._image)

    def _noise(
        self,
        placed: Mapping[ir.Value, Quantization],
        seen: Seen,
        names: Collection[str] | None = None,
    ) -> float:
        """Return the noise of all activations, or of some."""
        counted = self._weights
        if names is not None:
            counted = {value: w for value, w in counted.items() if value.name in names}
        if self._gains:
            return noise_with_gains(self._graph, placed, seen, counted)
        return rounding_noise(placed, {value: float(w.sum()) for value, w in counted.items()})

    @torch.no_grad()
    def _run(self, images: torch.Tensor, ends: Mapping[ir.Value, Range]) -> torch.Tensor:
        parts = torch.split(images, 1 if self._guard.one_by_one else len(images))
        # Stored as pixels, an image ends there whatever its ranges are.
        return torch.cat([self._walk(part, ends) for part in parts]).clamp(0, self._guard.peak)

    def _walk(self, images: torch.Tensor, ends: Mapping[ir.Value, Range]) -> torch.Tensor:
        """Return the output images with every activation clipped."""
        before: ir.Node | None = None
        for node, values in self._torch.walk(images):
            for value in before.outputs if before is not None else ():
                if value in ends and value in values:
                    values[value] = values[value].clamp(ends[value].low, ends[value].high)
            before = node
        return self._torch.joined(values)


def _sharing(placed: Mapping[ir.Value, Quantization]) -> Iterable[list[str]]:
    """Return the names of the activations of every scale."""
    sharing: dict[float, list[str]] = {}
    for value, parameters in placed.items():
        sharing.setdefault(float(parameters.scale[0]), []).append(value.name or "")
    return sharing.values()


def _by_cell(errors: torch.Tensor) -> Numbers:
    """Return the mean square of every cell of some images (N, C, H, W)."""
    squares = errors.double().square().mean(1, keepdim=True)
    cell = [min(CELL, length) for length in squares.shape[2:]]
    means: Numbers = torch.nn.functional.avg_pool2d(squares, cell).reshape(-1).numpy()
    return means


def _cut(seen: ChannelRange, ends: Range) -> ChannelRange:
    low, high = seen.low.clip(ends.low, ends.high), seen.high.clip(ends.low, ends.high)
    return replace(seen, low=low, high=high)
