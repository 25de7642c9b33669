"""Channels that carry next to nothing, given up for copies of those that carry the image.

An activation has one scale s for all its channels, and rounding leaves s²/12 in each. In trained
networks one channel, or one pair of halves, often carries the image through a layer, and nearly all
of the layer's noise reaches the output through it, while other channels are dead or nearly so. A
channel may stand there n times (`edge_imgq.quantize.channels`), and with each copy moved by another
fraction of a level,

    v_k = relu(W·u + b + s·((k + ½)/n − ½)),  k = 0 … n − 1,      Σ_k V/n · round(v_k / s)·s,

the n roundings together are one with a scale of s/n: noise of s²/(12·n²). The moves cancel in the
sum; only within half a level of zero does the rectifier bend. Copies take the places of channels
that are given up, so every tensor keeps its width and the network its speed.

What a channel's place spares is A·s²/12 · (1/n² − 1/(n + 1)²), with A the squared error of the
image by that of the channel. What giving it up costs is its `absence` (`Sensitivity`), and as
images unlike those for calibration may use it more, a share of what it would be with the channel at
its peak everywhere.

Kin: Zhao et al., "Improving Neural Network Quantization without Retraining using Outlier Channel
Splitting", ICML 2019; Widrow and Kollár, "Quantization Noise", 2008, on dither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.fusion import stored_output
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.channels import Channels, Spread, apply_spread, find_channels, spread_ranges
from edge_imgq.quantize.constraints import WEIGHT_AXIS, is_rounded_anew
from edge_imgq.quantize.ranges import ChannelRange
from edge_imgq.quantize.scales import activations
from edge_imgq.quantize.sensitivity import Sensitivity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MOST = 8
"""Copies of one channel."""

MARGIN = 4.0
"""How many times what a channel is worth its place must spare; absence is known from few pixels."""

AT_PEAK = 0.1
"""Share of an image that a channel given up may fill at its peak."""

LEAST_SWAP = 1e-3
LEAST_GAIN = 0.05
"""Shares of the network's noise that one swap, and all of them, must spare to be worth it."""

Seen = Mapping[str, ChannelRange]
Place = Callable[[ir.Model, Seen], Mapping[ir.Value, Quantization]]
"""Gives every activation of a float graph its scale."""


@dataclass(frozen=True)
class _Worth:
    """What every class of channels adds to the noise, and what its absence would."""

    noise: Numbers
    absence: Numbers


def copy_channels(
    original: ir.Model, seen: Seen, place: Place, found: Mapping[str, Sensitivity]
) -> dict[str, ChannelRange] | None:
    """Copy channels of a float graph in place, moved by fractions of the levels to come.

    Args:
        original: float graph, rewritten and with gains as it will be quantized; every convolution
            has a bias.
        seen: ranges of every activation, by name.
        place: how scales follow from ranges.
        found: sensitivities of its values, by name.

    Returns:
        The ranges that the activations have now; None, and the graph unchanged, where copies would
        not spare LEAST_GAIN of the noise.
    """
    channels = find_channels(original.graph)
    if not channels.copyable.any():
        return None
    worth = _worth(original, channels, seen, place(original, seen), found)
    copies = _copies(channels, worth)
    left = worth.noise / np.maximum(copies, 1) ** 2 * (copies > 0)
    if left.sum() > (1 - LEAST_GAIN) * worth.noise.sum():
        return None
    offsets = _offsets(original.graph, channels, copies)
    spread = Spread(np.ones(channels.count), copies)
    apply_spread(original.graph, channels, spread)
    ranges = spread_ranges(seen, channels, spread)
    _move(original.graph, offsets, place(original, ranges))
    return ranges


def _worth(
    original: ir.Model,
    channels: Channels,
    seen: Seen,
    placed: Mapping[ir.Value, Quantization],
    found: Mapping[str, Sensitivity],
) -> _Worth:
    noise, absence = np.zeros(channels.count), np.zeros(channels.count)
    for value in activations(original.graph):
        if value not in channels.of:
            continue
        classes, of = channels.of[value], found[value.name or ""]
        at_peak = of.everywhere * _peaks(seen[value.name or ""], len(classes)) ** 2
        np.add.at(absence, classes, MARGIN * of.absence + AT_PEAK * at_peak)
        if is_rounded_anew(value):
            np.add.at(noise, classes, of.error * float(placed[value].scale[0]) ** 2 / 12)
    return _Worth(noise, absence)


def _peaks(seen: ChannelRange, count: int) -> Numbers:
    """Return the largest magnitude of each channel; without end where only the whole is known."""
    peaks: Numbers = np.maximum(np.abs(seen.low), np.abs(seen.high))
    return peaks if peaks.ndim else np.full(count, np.inf)


def _copies(channels: Channels, worth: _Worth) -> NDArray[np.intp]:
    """Return how many times each class is to stand there; 0 for those that are given up."""
    copies = np.ones(channels.count, np.intp)
    least = LEAST_SWAP * worth.noise.sum()
    for members in _interchangeable(channels):
        for donor in members[np.argsort(worth.absence[members], kind="stable")]:
            n = copies[members]
            spared = worth.noise[members] * (1 / np.maximum(n, 1) ** 2 - 1 / (n + 1) ** 2)
            spared[(n == 0) | (n >= MOST) | (members == donor)] = 0
            best = int(spared.argmax())
            if copies[donor] > 1 or spared[best] < max(worth.absence[donor], least):
                break
            copies[donor] = 0
            copies[members[best]] += 1
    return copies


def _interchangeable(channels: Channels) -> list[NDArray[np.intp]]:
    """Return the copyable classes in groups that stand in the same values."""
    where: dict[int, list[int]] = {}
    for index, classes in enumerate(channels.of.values()):
        for found in classes.tolist():
            where.setdefault(found, []).append(index)
    groups: dict[tuple[int, ...], list[int]] = {}
    for found, values in where.items():
        if channels.copyable[found]:
            groups.setdefault(tuple(values), []).append(found)
    return [np.array(members) for members in groups.values()]


def _offsets(
    graph: ir.Graph, channels: Channels, copies: NDArray[np.intp]
) -> dict[ir.Node, Numbers]:
    """Return by how many levels every output channel of a convolution is moved once spread."""
    offsets = {}
    for node in graph:
        if node.op_type in WEIGHT_AXIS and node.outputs[0] in channels.of:
            counts = copies[channels.of[node.outputs[0]]]
            if (counts > 1).any():
                offsets[node] = np.concatenate([(np.arange(n) + 0.5) / n - 0.5 for n in counts])
    return offsets


def _move(
    graph: ir.Graph,
    offsets: Mapping[ir.Node, Numbers],
    placed: Mapping[ir.Value, Quantization],
) -> None:
    """Add offsets, counted in levels of the result, to the biases of convolutions."""
    for node, levels in offsets.items():
        stored = placed.get(stored_output(node))
        bias = node.inputs[2]
        if stored is None or bias is None:
            continue
        moved = edit.contents(bias) + (levels * float(stored.scale[0])).astype(np.float32)
        node.replace_input_with(2, edit.add_constant(graph, f"{bias.name}.moved", moved))
