"""Slots of convolutions are those of whole tiles, as XNNPACK fills them."""

from __future__ import annotations

import pytest

from edge_imgq.kernels.arm import ARM_DOT, ARM_I8MM
from edge_imgq.kernels.tile import Tile, round_up
from edge_imgq.kernels.x86 import X86_VNNI


def test_a_number_is_rounded_up_to_whole_units() -> None:
    assert [round_up(number, 8) for number in (0, 1, 8, 9)] == [0, 8, 8, 16]


@pytest.mark.parametrize(
    ("tile", "taps", "inputs", "outputs", "slots"),
    [
        (X86_VNNI.float32, 9, 16, 3, 9 * 16 * 16),
        (X86_VNNI.int8, 25, 1, 56, 25 * 8 * 64),
        (ARM_DOT.int8, 1, 18, 56, (20 + 47) * 64),
        (ARM_DOT.int8, 2, 4, 16, (2 * (4 + 9) + 47) * 16),
        (ARM_I8MM.int8, 1, 18, 56, (24 + 47) * 64),
        (ARM_DOT.float32, 9, 12, 12, 9 * 12 * 16),
        (ARM_DOT.float32, 1, 56, 16, 56 * 16),
        # Few outputs, and products that fill the narrow tile better, go to it: 2.7 times the time.
        (ARM_DOT.float32, 9, 12, 3, 9 * 12 * 4 * 2.7),
        (ARM_DOT.float32, 1, 56, 12, 56 * 12 * 2.7),
    ],
)
def test_slots_are_those_of_whole_tiles(tile: Tile, taps, inputs, outputs, slots) -> None:
    assert tile.slots(taps, inputs, outputs) == pytest.approx(slots)
