"""A network of four layers, one of which writes a channel that spoils its scale for the others."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx_ir as ir
from onnx import helper

from tests.graph.build import model, weights

LOUDNESS = 400.0
WIDTH = 64
"""Channels behind the loud one: float takes several times as long as int8 there."""


def loud_network(loudness: float = LOUDNESS) -> ir.Model:
    """Return first, second, third and fourth; an ELU lets no gain through to the second."""
    generator = np.random.default_rng(0)
    first, second, third, fourth = (
        _passing(weights(generator, outputs, inputs, 3, 3))
        for outputs, inputs in ((8, 3), (WIDTH, 8), (WIDTH, WIDTH), (3, WIDTH))
    )
    first[-1] *= loudness
    second[:, -1] /= 4 * loudness
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], "first", pads=[1] * 4),
        helper.make_node("Elu", ["a"], ["b"], "elu"),
        helper.make_node("Conv", ["b", "w2"], ["c"], "second", pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["d"], "relu"),
        helper.make_node("Conv", ["d", "w3"], ["e"], "third", pads=[1] * 4),
        helper.make_node("Relu", ["e"], ["f"], "relu_2"),
        helper.make_node("Conv", ["f", "w4"], ["out"], "fourth", pads=[1] * 4),
    ]
    return model(nodes, {"w1": first, "w2": second, "w3": third, "w4": fourth})


def _passing(kernel: Any) -> Any:
    """Let the first three channels pass on the image."""
    kernel *= 0.3 / (kernel.shape[1] / 8) ** 0.5 if kernel.shape[1] > 8 else 0.3
    kernel[:3] *= 0.1
    for channel in range(3):
        kernel[channel, channel, 1, 1] += 0.9
    return kernel


def photo(seed: int) -> Any:
    """Return an image (48, 64, 3) of blocks and noise in uint8."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 128, (6, 8, 3)).repeat(8, 0).repeat(8, 1)
    return (blocks + generator.integers(0, 128, blocks.shape)).astype(np.uint8)


def loud_everywhere(loudness: float = LOUDNESS) -> ir.Model:
    """Return four layers with such a channel behind each of the first three."""
    generator = np.random.default_rng(0)
    widths = (3, 8, 8, 8, 3)
    constants, nodes, value = {}, [], "image"
    for index, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        kernel = _passing(weights(generator, outputs, inputs, 3, 3))
        if inputs == 8:
            kernel[:, -1] /= 4 * loudness
        if outputs == 8:
            kernel[-1] *= loudness
        constants[f"w{index}"] = kernel
        last = index == len(widths) - 2
        written = "out" if last else f"a{index}"
        nodes.append(
            helper.make_node("Conv", [value, f"w{index}"], [written], f"conv{index}", pads=[1] * 4)
        )
        if not last:
            value = f"b{index}"
            nodes.append(helper.make_node("Elu", [written], [value], f"elu{index}"))
    return model(nodes, constants)
