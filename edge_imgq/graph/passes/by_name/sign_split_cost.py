"""Cost of a sign split in an int8 file, against the PReLU that it replaces.

Kernels work on tiles of channels (`edge_imgq.kernels.tile`), so the cost of twice the channels
depends on how full the tiles were. If tiles have 16 output and 8 input channels, a 3×3 layer from 8
to 8 channels takes 9·8·16 slots and its split variant 9·16·16, twice as many; from 16 to 16 it is
9·16·16 and 9·32·32, four times. XNNPACK has no int8 PReLU, so a file that keeps it dequantizes,
applies it and quantizes. In slots per position, with C channels:

    convolution     taps · ⌈I⌉₈ · ⌈O⌉₁₆ + position, or less in blocks of pixels
    PRELU kept      prelu · ⌈C⌉₁₆, and remainder where C is not a multiple of 16
    LEAKY_RELU      leaky · C, which is an int8 kernel

A PReLU is costed with the convolutions on both sides, all else as in the float graph. It is split
if that costs at most MAX_COST times as much as keeping it.

Measured: chains of 3×3 and 1×1 convolutions of 8 to 64 channels at 90×160, one thread of an AMD
EPYC with AVX-512, 4 picoseconds a slot. Split over kept, measured and counted for whole chains:

    3×3   8: 0.64, 0.68   12: 1.2, 1.3   16: 2.0, 2.2   24: 3.0, 2.4   32: 5.0, 3.0
    1×1   8: 0.37, 0.37   16: 1.1, 0.9   32: 1.5, 1.2   48: 3.6, 1.5

Sign channels that no longer fit into the second-level cache cost more than this model counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.cost.conv_cost import ConvShape, no_rewrite
from edge_imgq.graph.cost.conv_slots import mac_slots
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.kernels.tile import round_up

MAX_COST = 1.2
"""Largest accepted ratio of the cost of a split to that of the kept PReLU."""


@dataclass(frozen=True)
class Surroundings:
    """The convolutions around an activation that may be split into relu(x) and relu(−x).

    Attributes:
        producer: convolution that would write the channels of both, or None.
        consumers: convolutions that would read them.
        block: block size of a pixel shuffle after the activation; 1 without one.
        merges: whether any other node reads the activation, so that a 1×1 convolution must compute
            it from relu(x) and relu(−x).
    """

    producer: ir.Node | None
    consumers: Sequence[ir.Node]
    block: int
    merges: bool


def is_cheap(around: Surroundings, slopes: Any, kernels: KernelProfile, *, is_leaky: bool) -> bool:
    """Return True if splitting an activation costs at most 1.2 times what keeping it costs.

    The 1.2 is MAX_COST. Costs are estimated multiply-accumulates in int8, idle lanes included
    (`Tile.slots`), of the activation and the convolutions around it.

    Args:
        around: convolutions around the activation.
        slopes: one per channel, (C,).
        kernels: kernel profile of the target processor.
        is_leaky: whether the activation is a LeakyReLU, which has an int8 kernel; else a PReLU,
            which is computed in float between conversions.
    """
    channels, stored = len(slopes), len(slopes) + int(np.count_nonzero(slopes))
    kept = _kept(around, channels, kernels, is_leaky=is_leaky)
    return _split(around, channels, stored, kernels) <= MAX_COST * kept


def affordable(around: Surroundings, slopes: Any, kernels: KernelProfile) -> int:
    """Return how many channels of relu(x) and relu(−x) a split PReLU of C channels may have.

    It is the largest number that costs at most 1.2 times (MAX_COST) what the kept PReLU does. Costs
    are as in `is_cheap`.

    Args:
        around: convolutions around the activation.
        slopes: one per channel, (C,).
        kernels: kernel profile of the target processor.

    Returns:
        C to C plus the number of nonzero slopes; 0 if not even C channels are affordable.
    """
    channels, largest = len(slopes), len(slopes) + int(np.count_nonzero(slopes))
    limit = MAX_COST * _kept(around, channels, kernels, is_leaky=False)
    counts = range(largest, channels - 1, -1)
    return next((n for n in counts if _split(around, channels, n, kernels) <= limit), 0)


def _kept(around: Surroundings, channels: int, kernels: KernelProfile, *, is_leaky: bool) -> float:
    beside = _convolutions(around, channels, channels, kernels)
    return beside + _activation(channels, kernels, is_leaky=is_leaky)


def _split(around: Surroundings, channels: int, stored: int, kernels: KernelProfile) -> float:
    merging = _matrix_slots(stored, channels, kernels) if around.merges else 0.0
    return _convolutions(around, channels, stored, kernels) + merging


def _activation(channels: int, kernels: KernelProfile, *, is_leaky: bool) -> float:
    cost, tile = kernels.activations, kernels.int8.outputs
    if is_leaky:
        return cost.leaky * channels
    return cost.prelu * round_up(channels, tile) + cost.remainder * (channels % tile > 0)


def _convolutions(
    around: Surroundings, channels: int, stored: int, kernels: KernelProfile
) -> float:
    """Return the cost of the convolutions beside an activation, in slots per position of it.

    Args:
        around: those convolutions.
        channels: channels of the activation.
        stored: channels of the tensor between the convolutions: C, or as many as a split has.
        kernels: kernel profile of the target processor.
    """
    total = 0.0
    if around.producer is not None:
        total += mac_slots(around.producer, kernels, outputs=stored)
    elif stored > channels:
        total += _matrix_slots(channels, stored, kernels)
    phases = around.block**2
    for consumer in around.consumers:
        strides = consumer.attributes.get_ints("strides", [1, 1])
        slots = mac_slots(consumer, kernels, inputs=stored // phases)
        total += slots * phases / prod(strides)
    return total


def _matrix_slots(inputs: int, outputs: int, kernels: KernelProfile) -> float:
    """Return the slots per position of a 1×1 convolution that writes or reads sign channels."""
    layer = ConvShape((1, 1), (0, 0), inputs, outputs, quantized=True)
    return kernels.position + no_rewrite(layer, kernels).slots
