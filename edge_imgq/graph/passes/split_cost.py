"""What a sign split costs in an int8 file, beside the PReLU that it replaces.

Kernels work on tiles of channels (`edge_imgq.graph.lanes`), so what twice the channels cost depends
on how full the tiles were: a 3×3 layer from 8 to 8 channels fills 9·8·16 slots and its split form
9·16·16, twice as many; from 16 to 16 it is 9·16·16 and 9·32·32, four times. Against that stands the
PReLU: XNNPACK has none for int8, so a file that keeps it dequantizes, applies it and quantizes. In
slots per position, with C channels:

    convolution     taps · ⌈I⌉₈ · ⌈O⌉₁₆ + POSITION, or less in blocks of pixels
    PRELU kept      PRELU · ⌈C⌉₁₆, and REMAINDER where C is no multiple of 16
    LEAKY_RELU      LEAKY · C, which is an int8 kernel

A PReLU is looked at with the convolutions on both sides, everything else as it stands in the float
graph, and is split where that costs at most MOST times as much as to keep it.

Measured: chains of 3×3 and 1×1 convolutions of 8 to 64 channels at 90×160, one thread of an AMD
EPYC with AVX-512, 4 picoseconds a slot. Split over kept, measured and counted for whole chains:

    3×3   8: 0.64, 0.68   12: 1.2, 1.3   16: 2.0, 2.2   24: 3.0, 2.4   32: 5.0, 3.0
    1×1   8: 0.37, 0.37   16: 1.1, 0.9   32: 1.5, 1.2   48: 3.6, 1.5

Where the halves no longer fit into the second cache they cost more than this counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.lanes import OUTPUT_LANES, blocked_output_slots, round_up
from edge_imgq.graph.layer_slots import POSITION, layer_slots

PRELU = 70
REMAINDER = 1700
LEAKY = 15

MOST = 1.2
"""How many times as much the halves may cost as the PReLU kept: what fidelity may cost."""


@dataclass(frozen=True)
class Surroundings:
    """What stands around an activation.

    Attributes:
        producer: the convolution that would write both halves; None where there is none.
        consumers: the convolutions that would read them.
        block: side of the blocks of a pixel shuffle between; 1 without one.
        merges: whether anything else reads the activation, so that a convolution joins the halves.
    """

    producer: ir.Node | None
    consumers: Sequence[ir.Node]
    block: int
    merges: bool


def is_cheap(around: Surroundings, slopes: Any, *, is_leaky: bool) -> bool:
    """Tell whether a split costs at most MOST times as much as the activation kept.

    Args:
        around: the convolutions beside it.
        slopes: one per channel.
        is_leaky: whether int8 has a kernel for the activation.
    """
    channels, halves = len(slopes), len(slopes) + int(np.count_nonzero(slopes))
    return _split(around, channels, halves) <= MOST * _kept(around, channels, is_leaky=is_leaky)


def affordable(around: Surroundings, slopes: Any) -> int:
    """Return the most halves of a PReLU that cost at most MOST times as much as to keep it.

    Args:
        around: the convolutions beside it.
        slopes: one per channel.

    Returns:
        A number up to that of all halves; 0 where not even one for each channel is.
    """
    channels, halves = len(slopes), len(slopes) + int(np.count_nonzero(slopes))
    most = MOST * _kept(around, channels, is_leaky=False)
    stored = range(halves, channels - 1, -1)
    return next((count for count in stored if _split(around, channels, count) <= most), 0)


def _kept(around: Surroundings, channels: int, *, is_leaky: bool) -> float:
    return _convolutions(around, channels, channels) + _activation(channels, is_leaky=is_leaky)


def _split(around: Surroundings, channels: int, halves: int) -> float:
    merging = _slots((1, 1), (halves, channels)) if around.merges else 0.0
    return _convolutions(around, channels, halves) + merging


def _activation(channels: int, *, is_leaky: bool) -> float:
    if is_leaky:
        return LEAKY * channels
    return PRELU * round_up(channels, OUTPUT_LANES) + REMAINDER * (channels % OUTPUT_LANES > 0)


def _convolutions(around: Surroundings, channels: int, stored: int) -> float:
    """Return the slots of the convolutions beside an activation per position of its own.

    Args:
        around: those convolutions.
        channels: of the activation.
        stored: channels between the convolutions, in one part or two.
    """
    total = 0.0
    if around.producer is not None:
        total += POSITION + layer_slots(around.producer, outputs=stored)
    elif stored > channels:
        total += _slots((1, 1), (channels, stored))
    phases = around.block**2
    for consumer in around.consumers:
        strides = consumer.attributes.get_ints("strides", [1, 1])
        slots = POSITION + layer_slots(consumer, inputs=stored // phases)
        total += slots * phases / prod(strides)
    return total


def _slots(kernel: Sequence[int], channels: tuple[int, int]) -> float:
    return POSITION + blocked_output_slots(kernel, channels, 1, quantized=True)
