"""Networks, photographs and recipes that the tests of the quantizer share."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx import helper

from tests.graph.build import model, weights


def photo(seed: int = 0, size: tuple[int, int] = (24, 20)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def as_input(pixels: np.ndarray) -> np.ndarray:
    return (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)


def conv(source: str, weight: str, target: str, *bias: str):
    return helper.make_node("Conv", [source, weight, *bias], [target], pads=[1] * 4)


def residual_network() -> ir.Model:
    """Two residual blocks with a PReLU, and the image added at the end."""
    generator = np.random.default_rng(6)
    nodes = [
        conv("image", "w0", "a"),
        helper.make_node("PRelu", ["a", "slope"], ["b"]),
        conv("b", "w1", "c", "bias"),
        helper.make_node("Relu", ["c"], ["d"]),
        conv("d", "w2", "e"),
        helper.make_node("Add", ["c", "e"], ["f"]),
        conv("f", "w3", "g"),
        helper.make_node("Add", ["image", "g"], ["out"]),
    ]
    constants = {
        "w0": weights(generator, 8, 3, 3, 3),
        "w1": weights(generator, 8, 8, 3, 3),
        "bias": weights(generator, 8),
        "w2": weights(generator, 8, 8, 3, 3),
        "w3": 0.1 * weights(generator, 3, 8, 3, 3),
        "slope": generator.uniform(-0.5, 1.5, (8, 1, 1)).astype(np.float32),
    }
    return model(nodes, constants)
