"""Replace channels that carry almost nothing by copies of channels that carry the image.

An activation has one scale s for all channels, and rounding adds noise of s²/12 to each. In trained
networks one channel, or the two sign channels of a PReLU, often carries the image through a layer
and nearly all of the layer's noise with it, while other channels are almost dead. A channel can
exist n times (`edge_imgq.quantize.steps.channel_equivalence`). With each copy shifted by another
fraction of a level,

    v_k = relu(W·u + b + s·((k + ½)/n − ½)),  k = 0 … n − 1,      Σ_k V/n · round(v_k / s)·s,

the n roundings are equivalent to one with a scale of s/n: noise of s²/(12·n²). The shifts cancel in
the sum, except within half a level of zero, where the ReLU clips. Copies replace removed channels
and fill kernel tiles that would be computed anyway (`edge_imgq.quantize.steps.free_channels`), so
the network keeps its speed.

Another copy reduces the noise by A·s²/12 · (1/n² − 1/(n + 1)²), with A the squared error of the
image per unit of error variance of the channel. Removing a channel costs the error that its
reconstruction from others leaves (`edge_imgq.quantize.steps.channel_pruning`). If other nodes than
layers read it and it cannot be reconstructed, the cost is its `absence` (`ChannelSensitivity`)
plus, as unusual images may use it more, a share of the error with the channel at its peak
everywhere.

Related: Zhao et al., "Improving Neural Network Quantization without Retraining using Outlier
Channel Splitting", ICML 2019; Widrow and Kollár, "Quantization Noise", 2008, on dither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.fusion import stored_output
from edge_imgq.graph.network import Quantization
from edge_imgq.graph.operators import WEIGHT_AXIS
from edge_imgq.graph.passes.by_name.sign_split import holds_sign_channels
from edge_imgq.quantize.error_model.channel_sensitivity import ChannelSensitivity
from edge_imgq.quantize.ranges.guard_set import GuardSet
from edge_imgq.quantize.ranges.guarded_clipping import LOSS, TRUTH
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.scales.scale_constraints import adds_rounding_noise
from edge_imgq.quantize.scales.scales import activations
from edge_imgq.quantize.steps.channel_equivalence import (
    Channels,
    GainAndSplit,
    apply_gains_and_copies,
    find_channels,
    ranges_with_gains_and_copies,
)
from edge_imgq.quantize.steps.channel_pruning import (
    PruningState,
    fold_into_consumers,
    measure_products,
    own_errors,
    readers_of,
)
from edge_imgq.quantize.steps.copy_counts import (
    Group,
    WidthRules,
    Worth,
    copy_counts,
    make_narrow,
    noise_left,
)
from edge_imgq.quantize.steps.free_channels import free_channels, slots_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MARGIN = 4.0
"""Factor on the measured absence of a channel, which is estimated from few pixels."""

AT_PEAK = 0.1
"""Share of an image that a removed channel may fill at its peak."""

MIN_GAIN = 0.05
"""Least reduction of the noise, as a share, for which channels are copied."""

Ranges = Mapping[str, ChannelRange]
AssignScales = Callable[[ir.Model, Ranges], Mapping[ir.Value, Quantization]]
"""Chooses the quantization of every activation of a float graph from its ranges."""


def copy_channels(
    original: ir.Model,
    ranges: Ranges,
    assign_scales: AssignScales,
    sensitivities: Mapping[str, ChannelSensitivity],
    guard: GuardSet,
    rules: WidthRules | None,
) -> dict[str, ChannelRange] | None:
    """Copy channels that carry most of the noise and remove others, in a float graph, in place.

    A channel with n copies is rounded n times, each with another fraction of a level added to its
    bias, and is read with weights divided by n. Removed channels are reconstructed from the others
    by least squares, so the graph computes an approximation.

    Args:
        original: float graph after equalization; every convolution has a bias.
        ranges: ranges of every activation, by value name.
        assign_scales: chooses the scales of a model's activations from their ranges.
        sensitivities: sensitivities of its values, by name.
        guard: images on which removed channels are reconstructed and checked.
        rules: how the number of channels of a value may change; None if it must not.

    Returns:
        The new ranges of the activations, by name; None, with the graph unchanged, if copies would
        reduce the predicted noise by less than 5 %, or no channel can be copied.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    channels = find_channels(original.graph)
    if not channels.copyable.any():
        return None
    qparams = assign_scales(original, ranges)
    worth = _worth(original, channels, ranges, qparams, sensitivities)
    allowed = np.maximum((LOSS - 1) * worth.noise.sum(), TRUTH * own_errors(original, guard))
    groups = _groups(original, channels, qparams, guard, allowed, rules)
    copies = copy_counts(channels, worth, groups)
    if rules is not None:
        make_narrow(copies, worth, groups, rules.noise_for_time)
    if noise_left(worth, copies).sum() > (1 - MIN_GAIN) * worth.noise.sum():
        return None
    for group in groups:
        if group.pruning is not None:
            fold_into_consumers(original.graph, group.readers, group.pruning.reconstruction)
    offsets = _offsets(original.graph, channels, copies)
    scaling = GainAndSplit(np.ones(channels.count), copies)
    apply_gains_and_copies(original.graph, channels, scaling)
    new_ranges = ranges_with_gains_and_copies(ranges, channels, scaling)
    _shift_biases(original.graph, offsets, assign_scales(original, new_ranges))
    return new_ranges


def _worth(
    original: ir.Model,
    channels: Channels,
    ranges: Ranges,
    qparams: Mapping[ir.Value, Quantization],
    sensitivities: Mapping[str, ChannelSensitivity],
) -> Worth:
    noise, absence = np.zeros(channels.count), np.zeros(channels.count)
    for value in activations(original.graph):
        if value not in channels.of:
            continue
        classes, of = channels.of[value], sensitivities[value.name or ""]
        at_peak = of.everywhere * _peaks(ranges[value.name or ""], len(classes)) ** 2
        np.add.at(absence, classes, MARGIN * of.absence + AT_PEAK * at_peak)
        if adds_rounding_noise(value):
            np.add.at(noise, classes, of.error * float(qparams[value].scale[0]) ** 2 / 12)
    return Worth(noise, absence)


def _peaks(ranges: ChannelRange, count: int) -> Numbers:
    """Return the largest magnitude of each channel; infinite if only the tensor range is known."""
    peaks: Numbers = np.maximum(np.abs(ranges.low), np.abs(ranges.high))
    return peaks if peaks.ndim else np.full(count, np.inf)


def _groups(
    original: ir.Model,
    channels: Channels,
    qparams: Mapping[ir.Value, Quantization],
    guard: GuardSet,
    allowed: Numbers,
    rules: WidthRules | None,
) -> list[Group]:
    """Group the copyable classes that occur in the same values, with their pruning states."""
    values = list(channels.of)
    where: dict[int, list[int]] = {}
    for index, value in enumerate(values):
        for member in channels.of[value].tolist():
            where.setdefault(member, []).append(index)
    together: dict[tuple[int, ...], list[int]] = {}
    for member, indices in where.items():
        if channels.copyable[member]:
            together.setdefault(tuple(indices), []).append(member)
    groups = [
        _group(np.array(members), [values[index] for index in indices], rules)
        for indices, members in together.items()
    ]
    wanted = [group.value for group in groups]
    values = [v for v in wanted if v is not None and v in qparams and wanted.count(v) == 1]
    products = measure_products(original, values, guard)
    for group in groups:
        if group.value in products:
            classes = channels.of[group.value]
            group.indices = np.array([np.flatnonzero(classes == m)[0] for m in group.members])
            noise = float(qparams[group.value].scale[0]) ** 2 / 12
            group.pruning = PruningState(products[group.value], noise, allowed)
    return groups


def _group(members: NDArray[np.intp], values: list[ir.Value], rules: WidthRules | None) -> Group:
    """Make the group of classes in some values: how it may become wider or narrower."""
    inside = set(values)
    last = [v for v in values if not {n.outputs[0] for n in v.consumers()} & inside]
    readers = readers_of(last[0]) if len(last) == 1 else None
    passed_on = all(len(list(v.consumers())) == 1 for v in values if v not in last)
    if not readers or not passed_on:
        return Group(members, None, [], 0)
    if rules is None:
        return Group(members, last[0], readers, 0)
    written = [v.producer() for v in values]
    writers = [node for node in written if node is not None and node.op_type in WEIGHT_AXIS]
    assert last[0].shape is not None
    width = last[0].shape[1]
    assert isinstance(width, int)  # readers_of ensures it
    kernels = rules.kernels
    group = Group(members, last[0], readers, free_channels(writers, readers, width, kernels))
    if kernels.prunes_sign_channels and holds_sign_channels(last[0]):
        group.slots = lambda more: slots_beside(writers, readers, width + more, kernels)
        if rules.wider:
            group.added = max(group.added, kernels.int8.outputs)
    return group


def _offsets(
    graph: ir.Graph, channels: Channels, copies: NDArray[np.intp]
) -> dict[ir.Node, Numbers]:
    """Compute the shift of every output channel of each convolution after copying, in levels."""
    offsets = {}
    for node in graph:
        if node.op_type in WEIGHT_AXIS and node.outputs[0] in channels.of:
            counts = copies[channels.of[node.outputs[0]]]
            if (counts > 1).any():
                offsets[node] = np.concatenate([(np.arange(n) + 0.5) / n - 0.5 for n in counts])
    return offsets


def _shift_biases(
    graph: ir.Graph,
    offsets: Mapping[ir.Node, Numbers],
    qparams: Mapping[ir.Value, Quantization],
) -> None:
    """Add shifts, in levels of the result, to the biases of convolutions."""
    for node, levels in offsets.items():
        stored = qparams.get(stored_output(node))
        bias = node.inputs[2]
        if stored is None or bias is None:
            continue
        moved = edit.contents(bias) + (levels * float(stored.scale[0])).astype(np.float32)
        node.replace_input_with(2, edit.add_constant(graph, f"{bias.name}.moved", moved))
