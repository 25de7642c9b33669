"""Gains between convolutions, chosen for what they spare the output image.

An activation has one scale for all its channels, so a channel with a small range beside one with a
large range gets few levels. Gains (`edge_imgq.quantize.channels`) move channels closer to each
other; what the channels win, the weights that read them may lose, because their scale is shared
too. Both can be foretold. With A the squared error that a channel's errors cause in the image
(`edge_imgq.quantize.sensitivity`), s the scale of an activation and t that of a row of weights,

    activations:  Σ A_c · (s / e_c)² / 12,        s = max over channels of (e_c · range_c) / 255,
    weights:      κ · Σ A_o · t_o² / 12 · Σ e_c² · mean(x_c²),    t_o = max |w_oc| / e_c / 127,

summed over the network, is minimised over log e by gradient descent. κ is the share of the weights'
noise that rounding with feedback leaves. Nagel et al. (ICCV 2019) equalise ranges instead, which
spends precision on channels that nobody sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor

from edge_imgq.graph import edit
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.channels import Channels, Spread, apply_spread, find_channels, spread_ranges
from edge_imgq.quantize.constraints import WEIGHT_AXIS, is_rounded_anew
from edge_imgq.quantize.ranges import LEVELS, ChannelRange
from edge_imgq.quantize.scales import activations, place_scales
from edge_imgq.quantize.sensitivity import Sensitivity
from edge_imgq.quantize.weights import WEIGHT_HIGH

WEIGHT_SHARE = {"nearest": 1.0, "feedback": 0.05}
"""κ: feedback leaves about a twentieth, measured on FSRCNN."""

STEPS = 200
RATE = 0.1
SHARPNESS = 24.0
"""Norm that stands for the maximum in the first half, so that all large channels feel it."""

HEADROOM = 2.0
"""Room that a channel keeps above what the calibration images showed, where it had any before."""

LARGEST_GAIN = 4096.0

STARTS = (0.0, 0.5, 1.0)
"""Shares of the gains that would make all ranges alike, of which the best is the start."""


@dataclass(frozen=True)
class _Rounded:
    """An activation that is rounded: classes of its channels, their errors, low and high."""

    classes: Tensor
    error: Tensor
    low: Tensor
    high: Tensor


@dataclass(frozen=True)
class _Scale:
    """Activations that share a scale; `fixed` where nobody chooses it."""

    members: list[_Rounded]
    fixed: float | None


@dataclass(frozen=True)
class _Layer:
    """Largest |w| by output and input, classes read, errors of outputs, energies of inputs."""

    weight: Tensor
    classes: Tensor
    error: Tensor
    energy: Tensor


def equalize(
    original: ir.Model,
    seen: Mapping[str, ChannelRange],
    image: Quantization,
    found: Mapping[str, Sensitivity],
    rounding: str,
) -> tuple[dict[str, ChannelRange], dict[str, Sensitivity]]:
    """Give the channels of a float graph gains, in place; exact in float.

    Args:
        original: float graph, rewritten as it will be quantized.
        seen: ranges of every activation, by name.
        image: parameters of 8-bit pixels.
        found: sensitivities of its values, by name.
        rounding: of weights, "nearest" or "feedback".

    Returns:
        The ranges and the sensitivities that the values have now.
    """
    channels = find_channels(original.graph)
    if not channels.scalable.any():
        return dict(seen), dict(found)
    scales = _scales(original.graph, channels, seen, image, found)
    layers = _layers(original.graph, channels, found)
    gains = _gains(channels, scales, layers, WEIGHT_SHARE[rounding])
    spread = Spread(gains, np.ones(channels.count, np.intp))
    apply_spread(original.graph, channels, spread)
    sensitivities = {
        value.name or "": found[value.name or ""].with_gains(gains[classes])
        for value, classes in channels.of.items()
    }
    return spread_ranges(seen, channels, spread), sensitivities


def _scales(
    graph: ir.Graph,
    channels: Channels,
    seen: Mapping[str, ChannelRange],
    image: Quantization,
    found: Mapping[str, Sensitivity],
) -> list[_Scale]:
    """Return the activations by the scale that they would have now."""
    ranges = {name: channel.whole() for name, channel in seen.items()}
    placed = place_scales(graph, ranges, image)
    groups: dict[float, list[ir.Value]] = {}
    for value in activations(graph):
        if value in channels.of and seen[value.name or ""].low.ndim:
            groups.setdefault(float(placed[value].scale[0]), []).append(value)
    edges = {*graph.inputs, *graph.outputs}
    return [
        _Scale(
            [_rounded(v, channels, seen[v.name or ""], found[v.name or ""]) for v in values],
            scale if edges & set(values) else None,
        )
        for scale, values in groups.items()
    ]


def _rounded(
    value: ir.Value, channels: Channels, seen: ChannelRange, found: Sensitivity
) -> _Rounded:
    """Return a value's part in the noise."""
    low, high = -np.minimum(seen.low, 0), np.maximum(seen.high, 0)
    # A channel that nobody has seen yet may do anything, so it gets no gain.
    unseen = low + high == 0
    return _Rounded(
        torch.from_numpy(channels.of[value]),
        torch.from_numpy(found.error * is_rounded_anew(value)),
        torch.from_numpy(np.minimum(low * HEADROOM, low.max())),
        torch.from_numpy(np.where(unseen, high.max(), np.minimum(high * HEADROOM, high.max()))),
    )


def _layers(graph: ir.Graph, channels: Channels, found: Mapping[str, Sensitivity]) -> list[_Layer]:
    layers = []
    for node in graph:
        source, result = (node.inputs[0], node.outputs[0]) if node.inputs else (None, None)
        plain = node.op_type in WEIGHT_AXIS and node.attributes.get_int("group", 1) == 1
        if not plain or source not in channels.of or result not in channels.of:
            continue
        weight = np.abs(edit.contents(node.inputs[1])).astype(np.float64)
        taps = weight.shape[2] * weight.shape[3]
        largest = np.moveaxis(weight, WEIGHT_AXIS[node.op_type], 0).max(axis=(2, 3))
        layers.append(
            _Layer(
                torch.from_numpy(largest),
                torch.from_numpy(channels.of[source]),
                torch.from_numpy(found[result.name or ""].error),
                torch.from_numpy(found[source.name or ""].energy * taps),
            )
        )
    return layers


def _gains(
    channels: Channels, scales: list[_Scale], layers: list[_Layer], share: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the gains of least noise that gradient descent finds; 1 for classes without."""
    free = torch.from_numpy(channels.scalable.astype(np.float64))
    logarithms = _start(channels, free, scales, layers, share).requires_grad_()
    optimizer = torch.optim.Adam([logarithms], lr=RATE)
    best, least = logarithms.detach().clone(), float("inf")
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        optimizer.zero_grad()
        sharp = step == 0 or step > STEPS // 2
        noise = _noise(torch.exp(logarithms * free), scales, layers, share, sharp=sharp)
        if sharp and float(noise.detach()) < least:
            best, least = logarithms.detach().clone(), float(noise.detach())
        noise.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            logarithms.clamp_(-np.log(LARGEST_GAIN), np.log(LARGEST_GAIN))
    return torch.exp(best * free).numpy()


def _start(
    channels: Channels, free: Tensor, scales: list[_Scale], layers: list[_Layer], share: float
) -> Tensor:
    """Return log gains to begin with."""
    widest = torch.zeros(channels.count, dtype=torch.float64)
    for shared in scales:
        for member in shared.members:
            widest.scatter_reduce_(0, member.classes, member.low + member.high, "amax")
    logarithms = torch.where(widest > 0, -widest.log(), 0.0)
    logarithms = logarithms.clamp(-np.log(LARGEST_GAIN), np.log(LARGEST_GAIN))
    starts = [logarithms * part for part in STARTS]
    noises = [
        float(_noise(torch.exp(start * free), scales, layers, share, sharp=True))
        for start in starts
    ]
    return starts[noises.index(min(noises))].clone()


def _noise(
    gain: Tensor, scales: list[_Scale], layers: list[_Layer], share: float, *, sharp: bool
) -> Tensor:
    """Return the squared error of the image that rounding will cause, by the formula above."""
    total = torch.zeros((), dtype=torch.float64)
    for shared in scales:
        scale = _scale(gain, shared, sharp=sharp)
        for member in shared.members:
            total = total + scale**2 / 12 * (member.error / gain[member.classes] ** 2).sum()
    for layer in layers:
        gains = gain[layer.classes]
        step = (layer.weight / gains).amax(1) / WEIGHT_HIGH
        energy = (gains**2 * layer.energy).sum()
        total = total + share * (layer.error * step**2).sum() / 12 * energy
    return total


def _scale(gain: Tensor, shared: _Scale, *, sharp: bool) -> Tensor:
    if shared.fixed is not None:
        return torch.tensor(shared.fixed, dtype=torch.float64)
    spans = [
        _largest(member.low * gain[member.classes], sharp=sharp)
        + _largest(member.high * gain[member.classes], sharp=sharp)
        for member in shared.members
    ]
    return torch.stack(spans).amax() / LEVELS


def _largest(values: Tensor, *, sharp: bool) -> Tensor:
    top = values.amax()
    if sharp or float(top.detach()) <= 0:
        return top
    reference = top.detach()
    soft: Tensor = reference * ((values / reference) ** SHARPNESS).sum() ** (1 / SHARPNESS)
    return soft
