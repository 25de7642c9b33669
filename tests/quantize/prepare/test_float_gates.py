"""Gates in float: exact, rounded once, and nearer to the float network than gates in int8."""

from __future__ import annotations

import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.quantize.prepare.float_gates import find_gates
from edge_imgq.quantize.quantize import quantize
from tests.quantize.prepare.build import (
    CONTRACT,
    PADS,
    PHOTOS,
    fidelity,
    quantized_where_float_is_slow,
    recipe,
)
from tests.quantize.prepare.gated_networks import ATTENTION, network


@pytest.mark.parametrize("gate", ATTENTION)
def test_a_loud_channel_beside_a_gate_costs_nothing(
    gate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the same quantizer without gates; and no integer lies inside the gate."""
    graph = network(gate)
    quantized = quantized_where_float_is_slow(graph)
    for node in quantized.graph:
        if node.op_type in ("Sigmoid", "Tanh"):
            assert is_marked(node)
            assert all(reader.op_type != "QuantizeLinear" for reader in node.outputs[0].consumers())
    without = quantized_where_float_is_slow(graph, ())
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
