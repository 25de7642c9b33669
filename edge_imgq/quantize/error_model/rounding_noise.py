"""The squared error of the image that rounding activations will cause, foretold from their scales.

    N = Σ A · s² / 12

over all activations that are rounded anew; s is the scale, A the squared error of the image by that
of the activation (`edge_imgq.quantize.error_model.channel_sensitivity`).

With gains (`edge_imgq.quantize.steps.equalization`) a channel may come to use the whole scale.
Before they are chosen, N is foretold as if every channel that may have a gain did: s is then its
own range over 255.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.ranges.ranges import LEVELS, ChannelRange, Range
from edge_imgq.quantize.scales.scale_constraints import is_rounded_anew
from edge_imgq.quantize.scales.scales import activations, place_scales
from edge_imgq.quantize.steps.channel_equivalence import find_channels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


def rounding_noise(
    placed: Mapping[ir.Value, Quantization], errors: Mapping[ir.Value, float]
) -> float:
    """Return N.

    Args:
        placed: quantization of every activation.
        errors: A of those that count.
    """
    return sum(
        error * float(placed[value].scale[0]) ** 2 / 12
        for value, error in errors.items()
        if is_rounded_anew(value)
    )


def noise_with_gains(
    graph: ir.Graph,
    placed: Mapping[ir.Value, Quantization],
    seen: Mapping[str, ChannelRange],
    errors: Mapping[ir.Value, Numbers],
) -> float:
    """Return N, foretold with gains.

    Args:
        graph: float graph.
        placed: quantization of every activation.
        seen: ranges of every activation, by name.
        errors: A of every channel of those that count.
    """
    channels = find_channels(graph)
    noise = 0.0
    for value, error in errors.items():
        if not is_rounded_anew(value):
            continue
        found = seen[value.name or ""]
        steps = np.full(len(error), float(placed[value].scale[0]))
        if value in channels.of and found.low.ndim:
            spans = np.maximum(found.high, 0) - np.minimum(found.low, 0)
            steps = np.where(channels.scalable[channels.of[value]], spans / LEVELS, steps)
        noise += float((error * steps**2).sum()) / 12
    return noise


def own_name(value: ir.Value) -> str:
    """Return the name that a value is known by: its own."""
    return value.name or ""


@dataclass(frozen=True)
class NoiseModel:
    """What rounding will do to the image of a float graph, as its parts are tried in other forms.

    Attributes:
        seen: ranges of every activation, by name.
        image: parameters of 8-bit pixels.
        errors: A of every channel of the activations that count, by name.
        gains: whether channels may get gains.
        known_as: returns the name that the errors know a value by.
    """

    seen: Mapping[str, ChannelRange]
    image: Quantization
    errors: Mapping[str, Numbers]
    gains: bool = True
    known_as: Callable[[ir.Value], str] = own_name

    def noise(self, graph: ir.Graph) -> float:
        """Return N of a graph in which the activations have these ranges."""
        placed = place_scales(graph, self._ranges, self.image)
        names = {value: self.known_as(value) for value in activations(graph)}
        known = {v: self.errors[name] for v, name in names.items() if name in self.errors}
        if self.gains:
            return noise_with_gains(graph, placed, self.seen, known)
        return rounding_noise(placed, {value: float(error.sum()) for value, error in known.items()})

    @cached_property
    def _ranges(self) -> dict[str, Range]:
        return {name: found.whole() for name, found in self.seen.items()}
