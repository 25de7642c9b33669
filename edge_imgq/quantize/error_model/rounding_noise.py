"""Predict the squared error that rounding activations causes in the image, from their scales.

    N = Σ A · s² / 12

The sum runs over all activations that add rounding noise when stored; s is the scale and A the
squared error of the image per unit of error variance of the activation
(`edge_imgq.quantize.error_model.channel_sensitivity`).

With gains (`edge_imgq.quantize.steps.equalization`) each channel can fill the range of the scale.
Before the gains are chosen, N is predicted as if every scalable channel did: s is then the width of
the channel's range divided by 255.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.network import Quantization
from edge_imgq.graph.read_network import same_quantization
from edge_imgq.quantize.ranges.ranges import LEVELS, ChannelRange, Range
from edge_imgq.quantize.scales.scale_constraints import adds_rounding_noise
from edge_imgq.quantize.scales.scales import activations, assign_scales
from edge_imgq.quantize.steps.channel_equivalence import find_channels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


def rounded_channels(
    value: ir.Value, qparams: Mapping[ir.Value, Quantization], count: int
) -> NDArray[np.bool_]:
    """Return which channels of an activation are rounded when it is stored, bool (count,).

    All, or none if it is only copied or added (`adds_rounding_noise`). Of a concatenation those
    that come from operands with other quantization parameters, which are requantized.
    """
    node = value.producer()
    if adds_rounding_noise(value) or node is None or node.op_type != "Concat":
        return np.full(count, adds_rounding_noise(value))
    of_channels = node.attributes.get_int("axis", 0) in (1, -3)
    rounded = np.zeros(count, bool)
    for index, operand in enumerate(node.inputs):
        own = None if operand is None else qparams.get(operand)
        if own is not None and not same_quantization(own, qparams[value]):
            ends = [edit.channels_before(node, at) for at in (index, index + 1)]
            rounded[slice(*ends) if of_channels else slice(None)] = True
    return rounded


def rounding_noise(
    qparams: Mapping[ir.Value, Quantization], errors: Mapping[ir.Value, Numbers]
) -> float:
    """Predict the squared error of the image from rounding activations: N = Σ A · s² / 12.

    s is the scale of an activation. Channels that are only copied or added are left out
    (`rounded_channels`). An estimate: errors are taken as independent and uniform within a level.

    Args:
        qparams: per-tensor quantization of every activation.
        errors: A of each channel of the activations to count, float64 (C,): squared error of the
            image per unit of error variance in the channel.
    """
    noise = 0.0
    for value, error in errors.items():
        counted = error[rounded_channels(value, qparams, len(error))]
        noise += float(counted.sum()) * float(qparams[value].scale[0]) ** 2 / 12
    return noise


def noise_with_gains(
    graph: ir.Graph,
    qparams: Mapping[ir.Value, Quantization],
    observed: Mapping[str, ChannelRange],
    errors: Mapping[ir.Value, Numbers],
) -> float:
    """Predict the image's rounding error if every scalable channel filled its scale.

    The estimate is N = Σ A · s² / 12 in squared image units, where s is the width of the channel's
    range divided by 255, or the tensor's scale for channels that cannot be scaled. Channels that
    are only copied or added are left out (`rounded_channels`).

    Args:
        graph: float graph.
        qparams: per-tensor quantization of every activation.
        observed: ranges of every activation, by value name.
        errors: A of each channel of the activations to count, float64 (C,): squared error of the
            image per unit of error variance in the channel.
    """
    channels = find_channels(graph)
    noise = 0.0
    for value, error in errors.items():
        rounded = rounded_channels(value, qparams, len(error))
        if not rounded.any():
            continue
        channel_range = observed[value.name or ""]
        scales = np.full(len(error), float(qparams[value].scale[0]))
        if value in channels.of and channel_range.low.ndim:
            spans = np.maximum(channel_range.high, 0) - np.minimum(channel_range.low, 0)
            scales = np.where(channels.scalable[channels.of[value]], spans / LEVELS, scales)
        noise += float((error * scales**2)[rounded].sum()) / 12
    return noise


def own_name(value: ir.Value) -> str:
    """Return the name of a value; empty if it has none."""
    return value.name or ""


@dataclass(frozen=True)
class NoiseModel:
    """Predicts the rounding error of variants of a float graph.

    Attributes:
        observed: ranges of every activation, by value name.
        image: quantization parameters of 8-bit pixels.
        errors: A of each channel of the activations to count, float64 (C,), by value name: squared
            error of the image per unit of error variance in the channel.
        gains: whether equalization may scale channels.
        known_as: maps a value to its name in `errors`.
    """

    observed: Mapping[str, ChannelRange]
    image: Quantization
    errors: Mapping[str, Numbers]
    gains: bool = True
    known_as: Callable[[ir.Value], str] = own_name

    def noise(self, graph: ir.Graph) -> float:
        """Predict the squared error of the image from rounding a graph: Σ A · s² / 12.

        The scales s follow from the ranges in `observed`. It is in squared units of the image, as A
        is.

        Raises:
            KeyError: an activation of the graph has no range.
        """
        qparams = assign_scales(graph, self._ranges, self.image)
        names = {value: self.known_as(value) for value in activations(graph)}
        known = {v: self.errors[name] for v, name in names.items() if name in self.errors}
        if self.gains:
            return noise_with_gains(graph, qparams, self.observed, known)
        return rounding_noise(qparams, known)

    @cached_property
    def _ranges(self) -> dict[str, Range]:
        return {name: channels.whole() for name, channels in self.observed.items()}
