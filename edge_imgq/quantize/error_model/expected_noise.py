"""Predict the squared error that rounding causes in the image, as a function of channel gains.

The formula is in `edge_imgq.quantize.steps.equalization`. All activations are concatenated into one
vector and all weights into another, and maxima are taken per segment. Gradient descent evaluates
the formula some hundred times; one term per activation would take ten times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_imgq.quantize.qdq.weights import WEIGHT_HIGH
from edge_imgq.quantize.ranges.ranges import LEVELS

SHARPNESS = 24.0
"""Exponent of the p-norm that replaces the maximum where all large channels need a gradient."""


@dataclass(frozen=True)
class Rounded:
    """An activation that is rounded to its scale. All tensors are (channels,).

    Attributes:
        classes: equivalence class of each channel, integers from 0.
        error: squared error of the image per unit of error variance of each channel, float64.
        low: distance from zero to the channel's minimum, not negative, float64.
        high: distance from zero to the channel's maximum, not negative, float64.
    """

    classes: Tensor
    error: Tensor
    low: Tensor
    high: Tensor


@dataclass(frozen=True)
class Scale:
    """Activations that share a scale.

    Attributes:
        members: the activations.
        fixed: their scale; None if their ranges determine it.
    """

    members: list[Rounded]
    fixed: float | None


@dataclass(frozen=True)
class LayerWeights:
    """The weights of a layer as the noise formula needs them, float64 unless stated.

    Attributes:
        weight: largest |w| per output and input channel, (outputs, inputs).
        classes: equivalence class of each input channel, integers (inputs,).
        error: squared error of the image per unit of error variance of each output, (outputs,).
        energy: mean square of each input channel times the number of taps, (inputs,).
    """

    weight: Tensor
    classes: Tensor
    error: Tensor
    energy: Tensor


class ExpectedNoise:
    """Predicts the squared error that rounding activations and weights causes in the image."""

    def __init__(
        self, scales: Sequence[Scale], layers: Sequence[LayerWeights], share: float
    ) -> None:
        """Concatenate the activations and layers.

        Args:
            scales: activations, grouped by shared scale.
            layers: weights of the layers.
            share: share of the weights' rounding error, 0 to 1, that weight rounding methods leave.
        """
        self._activations = _Activations(scales)
        self._weights = _Weights(layers)
        self._share = share

    def __call__(self, gain: Tensor, *, sharp: bool) -> Tensor:
        """Compute the squared error of the image for a gain per channel class; differentiable.

        Args:
            gain: positive gain of each class, float64 (classes,).
            sharp: True for true maxima over channels, False for p-norms, whose gradient reaches all
                large channels.

        Returns:
            Scalar float64 tensor, in squared units of the image.
        """
        return self._activations.noise(gain, sharp=sharp) + self._share * self._weights.noise(gain)


class _Activations:
    """All channels of all activations, concatenated."""

    def __init__(self, scales: Sequence[Scale]) -> None:
        members = [(number, member) for number, s in enumerate(scales) for member in s.members]
        self._count, self._scales = len(members), len(scales)
        self._classes = _joined([member.classes for _, member in members]).long()
        self._error = _joined([member.error for _, member in members])
        self._ends = _joined([m.low for _, m in members] + [m.high for _, m in members])
        self._member = _numbered([len(member.classes) for _, member in members])
        self._scale = torch.tensor([number for number, _ in members], dtype=torch.int64)
        fixed = [float("nan") if s.fixed is None else s.fixed for s in scales]
        self._fixed = torch.tensor(fixed, dtype=torch.float64)

    def noise(self, gain: Tensor, *, sharp: bool) -> Tensor:
        gains = gain[self._classes]
        end = torch.cat([self._member, self._member + self._count])
        tops = _largest(self._ends * gains.repeat(2), end, 2 * self._count, sharp=sharp)
        spans = tops[: self._count] + tops[self._count :]
        chosen = _segment_max(spans, self._scale, self._scales) / LEVELS
        scale = torch.where(self._fixed.isnan(), chosen, self._fixed)
        return (scale[self._scale[self._member]] ** 2 / 12 * (self._error / gains**2)).sum()


class _Weights:
    """All weights of all layers, concatenated."""

    def __init__(self, layers: Sequence[LayerWeights]) -> None:
        self._largest = _joined([layer.weight.reshape(-1) for layer in layers])
        repeated = [layer.classes.repeat(len(layer.weight)) for layer in layers]
        self._classes = _joined(repeated).long()
        lengths = [layer.weight.shape[1] for layer in layers for _ in layer.error]
        self._row, self._rows = _numbered(lengths), len(lengths)
        self._error = _joined([layer.error for layer in layers])
        self._layer = _numbered([len(layer.error) for layer in layers])
        self._inputs = _joined([layer.classes for layer in layers]).long()
        self._energy = _joined([layer.energy for layer in layers])
        self._reader = _numbered([len(layer.energy) for layer in layers])
        self._layers = len(layers)

    def noise(self, gain: Tensor) -> Tensor:
        largest = _segment_max(self._largest / gain[self._classes], self._row, self._rows)
        energies = gain[self._inputs] ** 2 * self._energy
        energy = energies.new_zeros(self._layers).index_add(0, self._reader, energies)
        squared_scales = (largest / WEIGHT_HIGH) ** 2
        return (self._error * squared_scales / 12 * energy[self._layer]).sum()


def _joined(tensors: list[Tensor]) -> Tensor:
    return torch.cat([torch.zeros(0, dtype=torch.float64), *tensors])


def _numbered(lengths: list[int]) -> Tensor:
    """Number the elements of consecutive segments by their segment: lengths (2, 1) give 0, 0, 1."""
    return torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths, dtype=torch.int64))


def _segment_max(values: Tensor, segment: Tensor, count: int) -> Tensor:
    empty = values.new_zeros(count)
    return empty.scatter_reduce(0, segment, values, "amax", include_self=False)


def _largest(values: Tensor, segment: Tensor, count: int, *, sharp: bool) -> Tensor:
    tops = _segment_max(values, segment, count)
    if sharp:
        return tops
    lives = tops.detach() > 0
    reference = torch.where(lives, tops.detach(), 1.0)
    powers = (values / reference[segment]) ** SHARPNESS
    sums = powers.new_zeros(count).index_add(0, segment, powers)
    soft = reference * torch.where(lives, sums, 1.0) ** (1 / SHARPNESS)
    return torch.where(lives, soft, tops)
