"""Channels that fill the tiles of kernels: nearer to the float image, and no slower."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.images.layout import to_nchw
from edge_imgq.kernels.arm import ARM_DOT
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.steps.free_channels import free_channels
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo
from tests.quantize.steps.build import COPIED, carrying_network, quantized, shapes, squared_error

TILES = replace(COPIED, copies="tiles")


def layers(width: int) -> tuple[ir.Node, ir.Node]:
    """A convolution to some channels, and one from these to 16."""
    generator = np.random.default_rng(0)
    pads = [1] * 4
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], pads=pads),
        helper.make_node("Conv", ["a", "w1"], ["out"], pads=pads),
    ]
    constants = {
        "w0": weights(generator, width, 32, 3, 3),
        "w1": weights(generator, 16, width, 3, 3),
    }
    writer, other = model(nodes, constants, channels=32).graph
    return writer, other


@pytest.mark.parametrize(
    ("width", "places"), [(5, 3), (8, 0), (10, 6), (12, 4), (16, 0), (20, 4), (24, 0), (28, 4)]
)
def test_outputs_are_computed_by_sixteens_and_inputs_read_by_eights(
    width: int, places: int
) -> None:
    writer, reader = layers(width)
    assert free_channels([writer], [reader], width, X86_VNNI) == places


def test_a_transposed_convolution_says_nothing_of_tiles() -> None:
    generator = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"]),
        helper.make_node("ConvTranspose", ["a", "w1"], ["out"]),
    ]
    constants = {"w0": weights(generator, 10, 3, 1, 1), "w1": weights(generator, 10, 3, 3, 3)}
    writer, reader = model(nodes, constants).graph
    assert free_channels([writer], [reader], 10, X86_VNNI) == 0


@pytest.mark.parametrize(("width", "places"), [(8, 0), (10, 2), (13, 3), (16, 0)])
def test_arm_with_dot_product_reads_inputs_by_fours(width: int, places: int) -> None:
    writer, reader = layers(width)
    assert free_channels([writer], [reader], width, ARM_DOT) == places


def test_copies_fill_a_tile_and_take_more_of_the_noise() -> None:
    network = carrying_network(idle=3)
    narrow, filled = (quantized(network, recipe, X86_VNNI) for recipe in (COPIED, TILES))
    assert [shape[0] for shape in shapes(narrow.original)] == [10, 3]
    assert [shape[0] for shape in shapes(filled.original)] == [16, 3]
    rounding_of_the_output = 1 / 12
    left = squared_error(network, filled.model) - rounding_of_the_output
    assert left < 0.7 * (squared_error(network, narrow.model) - rounding_of_the_output)


def test_the_float_graph_with_more_copies_computes_the_same_image_but_for_half_levels() -> None:
    network = carrying_network(idle=3)
    image = to_nchw(photo(77), 1.0)
    filled = quantized(network, TILES).original
    assert np.abs(run(filled, image) - run(network, image)).max() < 0.25 / 255


def test_no_tensor_becomes_wider_than_its_tiles() -> None:
    network = carrying_network(idle=9)
    assert shapes(quantized(network, TILES).original) == shapes(network)
