"""Costs of Arm's kernels follow the cycles that llvm-mca estimates of them."""

from __future__ import annotations

import pytest

from edge_imgq.graph.cost.conv_cost import ConvShape, cheapest_rewrite, no_rewrite, winograd_slots
from edge_imgq.kernels.arm import ARM_DOT, ARM_I8MM
from edge_imgq.kernels.x86 import X86_VNNI

CYCLES = {
    (9, 8, 16): 89.2,
    (9, 16, 16): 127.7,
    (9, 20, 20): 307.8,
    (9, 24, 24): 346.4,
    (9, 28, 32): 404.2,
    (9, 32, 48): 623.5,
    (25, 32, 16): 542.9,
    (1, 24, 80): 172.0,
    (1, 36, 320): 816.3,
    (1, 64, 32): 115.2,
}
"""Taps, inputs, outputs of int8 convolutions → cycles of a Cortex-A76 for each pixel, by llvm-mca
22.1.8 from what LiteRT 2.3.0 runs there (`bench --device arm64:cortex-a76 --operators`)."""


@pytest.mark.parametrize(("layer", "cycles"), CYCLES.items(), ids=str)
def test_slots_of_arm_follow_the_cycles_of_a_cortex_a76(layer, cycles: float) -> None:
    assert ARM_DOT.int8.slots(*layer) / 31.9 == pytest.approx(cycles, rel=0.13)


def test_few_outputs_in_float_go_to_the_narrow_tile_of_arm() -> None:
    """As estimated of a Cortex-A76: 134 and 70 million cycles; 12.9, and 6.5 in the wide tile."""
    layer = ConvShape((5, 5), (2, 2), 56, 4, quantized=False)
    blocked = ConvShape((6, 6), (2, 2), 56, 16, quantized=False)
    plain, wide = (no_rewrite(form, ARM_DOT).slots for form in (layer, blocked))
    assert plain / (wide / 4) == pytest.approx(133.8 / 70.2, rel=0.05)
    product = ARM_DOT.float32.slots(1, 56, 12)
    assert product / (56 * 16) == pytest.approx(12.9 / 6.5, rel=0.05)


def test_a_gray_image_is_read_in_blocks_and_on_arm_without_taps() -> None:
    """Four channels a tap waste little in groups of four, but a tap takes as long as nine more."""
    gray = ConvShape((5, 5), (2, 2), 1, 80, quantized=True)
    assert cheapest_rewrite(gray, X86_VNNI).blocked == "input"
    for kernels in (ARM_DOT, ARM_I8MM):
        assert cheapest_rewrite(gray, kernels).blocked == "im2col"


@pytest.mark.parametrize(
    ("outputs", "blocked"), [(16, "nothing"), (20, "remainder"), (24, "nothing"), (32, "nothing")]
)
def test_outputs_that_overfill_a_tile_by_few_are_computed_apart(outputs: int, blocked: str) -> None:
    """20 channels to 20 at 180×320 on a Cortex-A76: 17.8 million cycles whole, 14.7 in parts."""
    layer = ConvShape((3, 3), (1, 1), 20, outputs, quantized=True)
    form = cheapest_rewrite(layer, ARM_DOT)
    assert form.blocked == blocked
    if outputs == 20:
        share = form.slots / no_rewrite(layer, ARM_DOT).slots
        assert share == pytest.approx(14.7 / 17.8, rel=0.05)
    assert cheapest_rewrite(layer, X86_VNNI).blocked == "nothing"


def test_minimal_filters_pay_on_a_server_and_not_from_the_memory_of_a_phone() -> None:
    layer, products = ConvShape((3, 3), (1, 1), 32, 32, quantized=False), 9 * 32 * 32
    pixels = 120 * 160
    assert winograd_slots(layer, pixels, X86_VNNI) < products
    assert winograd_slots(layer, pixels, ARM_DOT) > products
    assert winograd_slots(layer, 32 * 48, ARM_DOT) < products
