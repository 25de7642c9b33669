"""Networks with gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.quantize.prepare.float_gates import find_gates
from edge_imgq.quantize.prepare.float_operators import compute_in_float
from tests.graph.build import parsed, weights
from tests.quantize.prepare.build import LOUD, PADS

ATTENTION = (
    "s = Sigmoid(y) c = Sub(s, half) t = Add(y, x) g = Mul(t, c)",
    "s = Tanh(y) g = Mul(x, s)",
    "s = Sigmoid(y) h = Mul(y, s) e = Mul(h, x) g = Clip(e, zero)",
)


def network(gate: str, end: str = "") -> ir.Model:
    """A gate of two convolutions of the image, x with a loud channel, and a convolution of it."""
    generator = np.random.default_rng(3)
    constants: Mapping[str, Any] = {
        "wx": LOUD * weights(generator, 8, 3, 3, 3),
        "wy": weights(generator, 8, 8, 3, 3) / LOUD.reshape(1, 8, 1, 1),
        "w": weights(generator, 3, 8, 3, 3) / LOUD.reshape(1, 8, 1, 1) / 3,
        "bias": np.float32([0.4, 0.5, 0.6]),
        "half": np.float32(0.5),
        "zero": np.float32(0),
    }
    body = f"x = Conv{PADS}(image, wx) y = Conv{PADS}(x, wy) {gate} " + (
        end or f"out = Conv{PADS}(g, w, bias)"
    )
    used = {key: value for key, value in constants.items() if f"{key}" in body}
    return parsed(body, used, size="96,96", channels=3)


def write_gates(graph: ir.Graph) -> None:
    """Let all gates compute in float."""
    compute_in_float(graph, [node.name or "" for gate in find_gates(graph) for node in gate])
