"""Cross-layer equalization: choose channel gains that minimize the error of the output image.

An activation has one scale for all channels, so a channel with a small range next to one with a
large range gets few levels. Gains (`edge_imgq.quantize.steps.channel_equivalence`) bring the ranges
closer to each other, at the expense of the weights that read the channels, whose scale is shared
too. Both effects can be predicted. With A the squared error of the image per unit of error variance
of a channel (`edge_imgq.quantize.error_model.channel_sensitivity`), s the scale of an activation
and t that of a row of weights,

    activations:  Σ A_c · (s / e_c)² / 12,        s = max over channels of (e_c · range_c) / 255,
    weights:      κ · Σ A_o · t_o² / 12 · Σ e_c² · mean(x_c²),    t_o = max |w_oc| / e_c / 127,

summed over the network, is minimized over log e by gradient descent. κ is the share of the weights'
noise that rounding with feedback leaves. Nagel et al. (ICCV 2019) equalize ranges instead, which
spends precision on channels with little effect on the image.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor

from edge_imgq.graph import edit
from edge_imgq.graph.network import Quantization
from edge_imgq.graph.operators import WEIGHT_AXIS
from edge_imgq.quantize.error_model.channel_sensitivity import ChannelSensitivity
from edge_imgq.quantize.error_model.expected_noise import (
    ExpectedNoise,
    LayerWeights,
    Rounded,
    Scale,
)
from edge_imgq.quantize.error_model.rounding_noise import rounded_channels
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.scales.scales import activations, assign_scales
from edge_imgq.quantize.steps.adam import Adam
from edge_imgq.quantize.steps.channel_equivalence import (
    Channels,
    GainAndSplit,
    apply_gains_and_copies,
    find_channels,
    ranges_with_gains_and_copies,
)

WEIGHT_SHARE = {"nearest": 1.0, "feedback": 0.05}
"""κ by rounding method: feedback leaves about a twentieth, measured on FSRCNN."""

STEPS = 200
RATE = 0.1
MAX_GAIN = 4096.0

STARTS = (0.0, 0.5, 1.0)
"""Exponents of the gains that equalize all ranges; descent starts from the best of these."""


def equalize(
    original: ir.Model,
    observed: Mapping[str, ChannelRange],
    image: Quantization,
    sensitivities: Mapping[str, ChannelSensitivity],
    rounding: str,
    reachable: Mapping[str, ChannelRange],
) -> tuple[dict[str, ChannelRange], dict[str, ChannelSensitivity]]:
    """Scale the channels of a float graph by gains that lower the predicted error, in place.

    The layer that writes a channel is multiplied by its gain and those that read it are divided by
    it, so the graph computes the same in real numbers; float32 rounding differs. Gains are 1/4096
    to 4096.

    Args:
        original: float graph after all other rewrites, as it will be quantized.
        observed: ranges of every activation, by value name.
        image: quantization parameters of 8-bit pixels.
        sensitivities: sensitivities of all values with tracked channels, by name, as
            `channel_sensitivity` returns them.
        rounding: rounding of the weights, "nearest" or "feedback".
        reachable: ranges that channels may reach on other images, as `headroom` returns them.

    Returns:
        The new ranges and the new sensitivities of the values, by name; equal to the given ones if
        no channel can be scaled.
    """
    channels = find_channels(original.graph)
    if not channels.scalable.any():
        return dict(observed), dict(sensitivities)
    scales = _scales(original.graph, channels, observed, reachable, image, sensitivities)
    layers = _layers(original.graph, channels, sensitivities)
    noise = ExpectedNoise(scales, layers, WEIGHT_SHARE[rounding])
    gains = _gains(channels, noise, _start(channels, noise, scales))
    scaling = GainAndSplit(gains, np.ones(channels.count, np.intp))
    apply_gains_and_copies(original.graph, channels, scaling)
    scaled = {
        value.name or "": sensitivities[value.name or ""].with_gains(gains[classes])
        for value, classes in channels.of.items()
    }
    return ranges_with_gains_and_copies(observed, channels, scaling), scaled


def _scales(
    graph: ir.Graph,
    channels: Channels,
    observed: Mapping[str, ChannelRange],
    reachable: Mapping[str, ChannelRange],
    image: Quantization,
    sensitivities: Mapping[str, ChannelSensitivity],
) -> list[Scale]:
    """Group the activations by their present scale."""
    ranges = {name: channel.whole() for name, channel in observed.items()}
    qparams = assign_scales(graph, ranges, image)
    groups: dict[float, list[ir.Value]] = {}
    for value in activations(graph):
        if value in channels.of and observed[value.name or ""].low.ndim:
            groups.setdefault(float(qparams[value].scale[0]), []).append(value)
    edges = {*graph.inputs, *graph.outputs}
    return [
        Scale(
            [
                _rounded(v, channels, reachable[v.name or ""], sensitivities[v.name or ""], qparams)
                for v in values
            ],
            scale if edges & set(values) else None,
        )
        for scale, values in groups.items()
    ]


def _rounded(
    value: ir.Value,
    channels: Channels,
    limits: ChannelRange,
    sensitivities: ChannelSensitivity,
    qparams: Mapping[ir.Value, Quantization],
) -> Rounded:
    """Describe a value for the noise model."""
    error = sensitivities.error
    return Rounded(
        torch.from_numpy(channels.of[value]),
        torch.from_numpy(error * rounded_channels(value, qparams, len(error))),
        torch.from_numpy(-limits.low),
        torch.from_numpy(limits.high),
    )


def _layers(
    graph: ir.Graph, channels: Channels, sensitivities: Mapping[str, ChannelSensitivity]
) -> list[LayerWeights]:
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
            LayerWeights(
                torch.from_numpy(largest),
                torch.from_numpy(channels.of[source]),
                torch.from_numpy(sensitivities[result.name or ""].error),
                torch.from_numpy(sensitivities[source.name or ""].energy * taps),
            )
        )
    return layers


def _gains(
    channels: Channels, noise: ExpectedNoise, start: Tensor
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Minimize the noise by gradient descent; gains are 1 for classes that cannot be scaled."""
    free = _free(channels)
    logarithms = start.clone().requires_grad_()
    descent = Adam([logarithms])
    best, least = start, float("inf")
    for step in range(STEPS):
        # Until halfway, p-norms replace the maxima, so that all large channels get a gradient.
        sharp = step == 0 or step > STEPS // 2
        error = noise(torch.exp(logarithms * free), sharp=sharp)
        if sharp and float(error.detach()) < least:
            best, least = logarithms.detach().clone(), float(error.detach())
        slopes = torch.autograd.grad(error, logarithms)
        descent.step(slopes, RATE * (1 - step / STEPS))
        with torch.no_grad():
            logarithms.clamp_(-np.log(MAX_GAIN), np.log(MAX_GAIN))
    return torch.exp(best * free).numpy()


def _start(channels: Channels, noise: ExpectedNoise, scales: list[Scale]) -> Tensor:
    """Choose the initial log gains."""
    widest = torch.zeros(channels.count, dtype=torch.float64)
    for shared in scales:
        for member in shared.members:
            widest.scatter_reduce_(0, member.classes, member.low + member.high, "amax")
    logarithms = torch.where(widest > 0, -widest.log(), 0.0)
    logarithms = logarithms.clamp(-np.log(MAX_GAIN), np.log(MAX_GAIN))
    starts = [logarithms * exponent for exponent in STARTS]
    noises = [float(noise(torch.exp(start * _free(channels)), sharp=True)) for start in starts]
    return starts[noises.index(min(noises))]


def _free(channels: Channels) -> Tensor:
    """Return 1 for classes that may have a gain, 0 for others."""
    return torch.from_numpy(channels.scalable.astype(np.float64))
