"""What a convolution costs in the lanes that XNNPACK's kernels really fill.

A kernel computes OUTPUT_LANES output channels at once and reads input channels in groups, so four
output channels cost as much as sixteen, and in int8 one input channel as much as eight. Costs are
counted in multiply-accumulate slots, filled or not. Measured on FSRCNN 180×320, one thread of an
AMD EPYC with AVX-512: the slots of its forms and their times keep the same order, and the ratio of
slots predicts the ratio of times within 15 %.

Source: XNNPACK's microkernels, src/f32-igemm and src/qs8-qc8w-igemm (tiles "7x16", "7x16c8"; on
Arm "4x16c4__neondot" and "6x8").
"""

from __future__ import annotations

OUTPUT_LANES = 16
INPUT_GROUP_INT8 = 8
INPUT_GROUP_FLOAT = 1

COPY = 25
"""Slots that moving one element costs, as depth-to-space and space-to-depth do; measured as
OUTPUT_LANES' numbers were."""


def convolution_slots(taps: int, inputs: int, outputs: int, quantized: bool) -> int:
    """Return the slots of a convolution per output position.

    Args:
        taps: kernel height × width.
        inputs: input channels of one group.
        outputs: output channels.
        quantized: whether it is int8.
    """
    group = INPUT_GROUP_INT8 if quantized else INPUT_GROUP_FLOAT
    return taps * _round_up(inputs, group) * _round_up(outputs, OUTPUT_LANES)


def _round_up(number: int, unit: int) -> int:
    return -(-number // unit) * unit
