"""Halves of PReLUs that hardly count go where a family's kernels get quicker, and only there."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import onnx_ir as ir
from onnx import helper

from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.kernels.arm import ARM_DOT
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.quantize import quantize_prepared
from tests.graph.build import model, weights
from tests.quantize.smooth_photo import photo
from tests.quantize.steps.build import CONTRACT, COPIED, shapes, squared_error

RECIPE = replace(COPIED, copies="tiles", passes=("cheap-sign-split",))
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


@cache
def made(few: bool, kernels: KernelProfile) -> tuple[int, float]:
    """Return the width of the PReLU once it is quantized, and the squared error in levels."""
    slopes = np.random.default_rng(2).uniform(0.3, 0.9, CHANNELS)
    network = bending(np.where(np.arange(CHANNELS) < 3, slopes, 0.002) if few else slopes)
    graph = prepared_graph(network, RECIPE.passes, kernels=kernels)
    found = quantize_prepared(graph, RECIPE, CONTRACT, [photo(seed) for seed in range(6)])
    return shapes(found.original)[0][0], squared_error(network, found.model)


def test_sign_channels_that_hardly_count_go_where_the_profile_asks() -> None:
    wide, before = made(True, X86_VNNI)
    narrow, after = made(True, ARM_DOT)
    assert wide >= 2 * CHANNELS
    assert narrow <= 16
    rounding_of_the_output = 1 / 12
    assert after - rounding_of_the_output < 1.6 * (before - rounding_of_the_output)


def test_sign_channels_that_count_stay() -> None:
    assert made(False, ARM_DOT)[0] > 16
