"""What operators cost in the lanes that XNNPACK's kernels really fill.

A kernel computes OUTPUT_LANES output channels at once and reads input channels in groups, so four
output channels cost as much as sixteen, and in int8 one input channel as much as eight. Costs are
counted in multiply-accumulate slots per output position, filled or not. Measured on FSRCNN 180×320,
one thread of an AMD EPYC with AVX-512: the slots of its forms and their times keep the same order,
and the ratio of slots predicts the ratio of times within 15 %.

Source: XNNPACK's microkernels, src/f32-igemm and src/qs8-qc8w-igemm (tiles "7x16", "7x16c8"; on
Arm "4x16c4__neondot" and "6x8").
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

OUTPUT_LANES = 16
INPUT_GROUP_INT8 = 8
INPUT_GROUP_FLOAT = 1

COPY = 25
"""Slots that moving one element costs, as depth-to-space and space-to-depth do; measured as
OUTPUT_LANES' numbers were."""

NEAR, FAR = 20, 60
NEAR_NUMBERS = 450_000
"""Slots of float per channel, read or written, that the sums of a minimal filter cost: NEAR where
half an image has at most NEAR_NUMBERS numbers (1.8 MB), so that sums stay in the caches, FAR where
they go to memory. Measured on chains of 3×3 convolutions with ReLU, minimal over plain, counted and
measured: 24 channels at 96×128 0.81 and 0.83, 32 channels 0.81 and 0.81, 64 channels 0.74 and 0.79;
32 channels at 180×320, where they would be 1.08, 0.98; 64 channels 0.88 and 0.91."""

APART, TOGETHER = 10, 30
"""Slots per number of an image that is taken apart into its even and odd rows, and put together."""


def convolution_slots(taps: int, inputs: int, outputs: int, quantized: bool) -> int:
    """Return the slots of a convolution per output position.

    Args:
        taps: kernel height × width.
        inputs: input channels of one group.
        outputs: output channels.
        quantized: whether it is int8.
    """
    group = INPUT_GROUP_INT8 if quantized else INPUT_GROUP_FLOAT
    return taps * round_up(inputs, group) * round_up(outputs, OUTPUT_LANES)


def blocked_output_slots(
    kernel: Sequence[int],
    channels: tuple[int, int],
    block: int,
    *,
    quantized: bool,
    shuffled: bool = False,
) -> float:
    """Return the slots per position of a convolution that writes blocks of pixels; 1 is plain.

    Args:
        kernel: height and width.
        channels: inputs and outputs.
        block: side of a block.
        quantized: whether it is int8.
        shuffled: whether a depth-to-space follows anyway.
    """
    inputs, outputs = channels
    taps = prod(side + block - 1 for side in kernel)
    slots = convolution_slots(taps, inputs, outputs * block**2, quantized) / block**2
    return slots + COPY * outputs * (shuffled or block > 1)


def blocked_input_slots(
    kernel: Sequence[int],
    start: Sequence[int],
    channels: tuple[int, int],
    block: int,
    *,
    quantized: bool,
) -> float:
    """Return the slots per position of a convolution that reads blocks of pixels; 1 is plain.

    Args:
        kernel: height and width.
        start: rows of padding at the top, columns on the left.
        channels: inputs and outputs.
        block: side of a block.
        quantized: whether it is int8.
    """
    inputs, outputs = channels
    spans = [block_span(*pair, block) for pair in zip(kernel, start, strict=True)]
    taps = prod(last - first + 1 for first, last in spans)
    slots = convolution_slots(taps, inputs * block**2, outputs * block**2, quantized)
    return slots / block**2 + COPY * (inputs + outputs) * (block > 1)


def minimal_filter_slots(kernel: Sequence[int], channels: tuple[int, int], pixels: int) -> float:
    """Return the slots per position of a float convolution of three rows as a minimal filter.

    Args:
        kernel: height and width.
        channels: inputs and outputs.
        pixels: of the whole image.
    """
    inputs, outputs = channels
    largest = max(inputs, outputs) * pixels // 2
    sums = (NEAR if largest <= NEAR_NUMBERS else FAR) * (inputs + outputs)
    return convolution_slots(prod(kernel), inputs, outputs, quantized=False) * 2 / 3 + sums


def block_span(kernel: int, start: int, block: int) -> tuple[int, int]:
    """Return the first and the last block that the pixels of one block read, along one side."""
    return -start // block, (block - 1 + kernel - 1 - start) // block


def round_up(number: int, unit: int) -> int:
    """Return the least multiple of a unit that is not below a number."""
    return -(-number // unit) * unit
