"""Halves of PReLUs that hardly count go where a family's kernels get quicker, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir
from onnx import helper

from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.kernels.arm import ARM_DOT
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.quantize import quantize_prepared
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, weights
from tests.quantize.smooth_photo import photo
from tests.quantize.steps.build import CONTRACT, COPIED, shapes, squared_error

RECIPE = replace(COPIED, copies="tiles", passes=("cheap-sign-split",))
WIDER = replace(RECIPE, copies="wider")
CHANNELS = 12


def bending(slopes: np.ndarray) -> ir.Model:
    """A PReLU between two convolutions."""
    generator = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["image", "w0", "b0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("PRelu", ["a", "slopes"], ["b"], name="bend"),
        helper.make_node("Conv", ["b", "w1", "b1"], ["out"], name="second", pads=[1] * 4),
    ]
    constants = {
        "w0": weights(generator, CHANNELS, 3, 3, 3),
        "b0": 0.1 * weights(generator, CHANNELS),
        "slopes": slopes.astype(np.float32).reshape(-1, 1, 1),
        "w1": weights(generator, 3, CHANNELS, 3, 3),
        "b1": np.full(3, 0.4, np.float32),
    }
    return model(nodes, constants)


def made(few: bool, kernels: KernelProfile, recipe: QuantizeRecipe = RECIPE) -> tuple[int, float]:
    """Return the width of the PReLU once it is quantized, and the squared error in levels."""
    slopes = np.random.default_rng(2).uniform(0.3, 0.9, CHANNELS)
    network = bending(np.where(np.arange(CHANNELS) < 3, slopes, 0.002) if few else slopes)
    graph = prepared_graph(network, recipe.passes, kernels=kernels)
    found = quantize_prepared(graph, recipe, CONTRACT, [photo(seed) for seed in range(6)])
    return shapes(found.original)[0][0], squared_error(network, found.model)


def test_sign_channels_that_hardly_count_go_where_profile_and_recipe_ask() -> None:
    wide, before = made(True, X86_VNNI)
    narrow, after = made(True, ARM_DOT)
    assert wide >= 2 * CHANNELS
    assert narrow <= 16
    rounding_of_the_output = 1 / 12
    assert after - rounding_of_the_output < 1.6 * (before - rounding_of_the_output)
    exact, least = made(True, ARM_DOT, replace(RECIPE, noise_for_time=0.0))
    assert exact > narrow
    assert least < after


def test_sign_channels_that_count_stay_and_copies_join_them_until_time_counts_more() -> None:
    width, error = made(False, ARM_DOT)
    assert width > 16
    wider, less = made(False, ARM_DOT, replace(WIDER, noise_for_time=10.0))
    assert width < wider <= width + ARM_DOT.int8.outputs
    assert less < error
    assert made(False, ARM_DOT, replace(WIDER, noise_for_time=100.0)) == (width, error)
