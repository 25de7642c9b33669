"""Tiles are counted as XNNPACK fills them, and another profile chooses other forms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_imgq.chips import CHIPS
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.graph.cost.conv_cost import Layer, cheapest_rewrite, no_rewrite, winograd_slots
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.arm import ARM_DOT, ARM_I8MM
from edge_imgq.kernels.profile import ActivationCost, KernelProfile
from edge_imgq.kernels.table import DEFAULT, OF_PROCESSOR, PROFILES
from edge_imgq.kernels.tile import Tile
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.recipe.export import PROCESSORS
from tests.kernels.build import stack


@pytest.mark.parametrize(
    ("tile", "taps", "inputs", "outputs", "slots"),
    [
        (X86_VNNI.float32, 9, 16, 3, 9 * 16 * 16),
        (X86_VNNI.int8, 25, 1, 56, 25 * 8 * 64),
        (ARM_DOT.int8, 25, 1, 56, 25 * 4 * 64),
        (ARM_I8MM.int8, 25, 1, 56, 25 * 8 * 64),
        (ARM_DOT.float32, 9, 12, 12, 9 * 12 * 16),
        (ARM_DOT.float32, 1, 56, 16, 56 * 16),
    ],
)
def test_slots_are_those_of_whole_tiles(tile: Tile, taps, inputs, outputs, slots) -> None:
    assert tile.slots(taps, inputs, outputs) == slots


def test_few_outputs_in_float_go_to_the_narrow_tile_of_arm() -> None:
    """As estimated of a Cortex-A76: 134 and 70 million cycles; 12.9, and 6.5 in the wide tile."""
    layer = Layer((5, 5), (2, 2), 56, 4, quantized=False)
    blocked = Layer((6, 6), (2, 2), 56, 16, quantized=False)
    plain, wide = (no_rewrite(form, ARM_DOT).slots for form in (layer, blocked))
    assert plain / (wide / 4) == pytest.approx(133.8 / 70.2, rel=0.05)
    product = ARM_DOT.float32.slots(1, 56, 12)
    assert product / (56 * 16) == pytest.approx(12.9 / 6.5, rel=0.05)


def test_a_gray_image_is_read_in_blocks_where_inputs_go_by_eights() -> None:
    """Reading by fours wastes three quarters, not seven eighths: blocks pay less."""
    gray = Layer((5, 5), (2, 2), 1, 56, quantized=True)
    by_eights, by_fours = cheapest_rewrite(gray, ARM_I8MM), cheapest_rewrite(gray, ARM_DOT)
    assert by_eights.blocked == "input"
    assert by_eights.slots / no_rewrite(gray, ARM_I8MM).slots < (
        by_fours.slots / no_rewrite(gray, ARM_DOT).slots
    )


def test_minimal_filters_pay_on_a_server_and_not_from_the_memory_of_a_phone() -> None:
    layer, products = Layer((3, 3), (1, 1), 32, 32, quantized=False), 9 * 32 * 32
    pixels = 120 * 160
    assert winograd_slots(layer, pixels, X86_VNNI) < products
    assert winograd_slots(layer, pixels, ARM_DOT) > products
    assert winograd_slots(layer, 32 * 48, ARM_DOT) < products


def writes_minimal_filters(kernels: KernelProfile) -> bool:
    graph = bind_size(stack(32), (120, 160))
    operations = fastest_rewrites(read_network(graph), kernels).network.operations
    return any(op.name.endswith("/product0") for op in operations)


def test_a_file_has_the_forms_of_the_profile_that_it_is_written_for() -> None:
    assert writes_minimal_filters(DEFAULT)
    assert not writes_minimal_filters(ARM_DOT)


def splits_prelus(kernels: KernelProfile) -> bool:
    graph = prepared_graph(stack(12), ("cheap-sign-split",), kernels=kernels).model.graph
    return all(node.op_type != "PRelu" for node in graph)


def test_prelus_are_split_where_those_of_the_profile_are_dear() -> None:
    free = replace(DEFAULT, activations=ActivationCost(prelu=0, remainder=0, leaky=0))
    assert splits_prelus(DEFAULT)
    assert not splits_prelus(free)


def test_every_processor_of_recipes_has_a_profile_of_the_table() -> None:
    assert (*OF_PROCESSOR, *CHIPS) == PROCESSORS
    assert set(OF_PROCESSOR.values()) <= set(PROFILES.values())
    assert OF_PROCESSOR["cpu"] is DEFAULT
