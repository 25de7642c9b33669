"""Gates in float: exact, rounded once, and nearer to the float network than gates in int8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.quantize.prepare import float_operators
from edge_imgq.quantize.prepare.float_gates import find_gates
from edge_imgq.quantize.prepare.float_operators import compute_in_float
from edge_imgq.quantize.quantize import quantize
from tests.graph.build import parsed, weights
from tests.quantize.prepare.build import CONTRACT, LOUD, PADS, PHOTOS, fidelity, recipe

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


@pytest.mark.parametrize("gate", ATTENTION)
def test_a_loud_channel_beside_a_gate_costs_nothing(
    gate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the same quantizer without gates; and no integer lies inside the gate."""
    graph = network(gate)
    quantized = quantize(graph, recipe("image"), CONTRACT, PHOTOS)
    for node in quantized.graph:
        if node.op_type in ("Sigmoid", "Tanh"):
            assert is_marked(node)
            assert all(reader.op_type != "QuantizeLinear" for reader in node.outputs[0].consumers())
    monkeypatch.setattr(float_operators, "KINDS", ())
    without = quantize(graph, recipe("image"), CONTRACT, PHOTOS)
    assert fidelity(quantized, graph) > fidelity(without, graph) + 6


def test_gates_stay_integers_where_no_channel_gets_a_gain() -> None:
    quantized = quantize(network(ATTENTION[1]), recipe("none"), CONTRACT, PHOTOS)
    assert not any(map(is_marked, quantized.graph))


@pytest.mark.parametrize(
    ("gate", "end"),
    [
        (ATTENTION[1], "m = Mul(g, x) v = Add(m, s) out = Conv(v, w, bias)"),  # read elsewhere
        ("r = Relu(y) g = Mul(x, r)", ""),  # no sigmoid
        ("s = Sigmoid(y) g = Mul(s, half)", ""),  # a constant is no gate
    ],
)
def test_what_is_no_gate_stays(gate: str, end: str) -> None:
    found = find_gates(network(gate, end.replace("Conv", f"Conv{PADS}")).graph)
    assert not found
