"""Gains enter and leave what computes in float."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.prepare.float_gates import find_gates
from edge_imgq.quantize.prepare.float_region_gains import (
    insert_edge_factors,
    is_factor,
    remove_idle_factors,
)
from edge_imgq.quantize.steps.channel_equivalence import (
    GainAndSplit,
    apply_gains_and_copies,
    find_channels,
)
from tests.graph.build import kinds, parsed, run
from tests.quantize.prepare.gated_networks import ATTENTION, network, write_gates
from tests.quantize.smooth_photo import photo


@pytest.mark.parametrize("gate", ATTENTION)
def test_gains_pass_the_ends_of_a_gate_and_change_nothing(gate: str) -> None:
    graph = network(gate)
    changed = graph.clone()
    (nodes,) = find_gates(changed.graph)
    write_gates(changed.graph)
    assert len(nodes) == gate.count("=")
    channels = find_channels(changed.graph)
    for name in ("x", "y", "g"):
        (value,) = (v for v in channels.of if v.name == name)
        assert channels.scalable[channels.of[value]].all()
    drawn = np.random.default_rng(4).uniform(0.1, 9, channels.count)
    gain = np.where(channels.scalable, drawn, 1.0)
    apply_gains_and_copies(
        changed.graph, channels, GainAndSplit(gain, np.ones(channels.count, np.intp))
    )
    image = to_nchw(photo(7), 1.0)
    np.testing.assert_allclose(run(changed, image), run(graph, image), rtol=1e-4, atol=1e-5)


def test_factors_of_one_leave_no_trace() -> None:
    graph = network(ATTENTION[0])
    changed = graph.clone()
    write_gates(changed.graph)
    assert sum(map(is_factor, changed.graph)) == 3
    remove_idle_factors(changed.graph)
    names = [node.outputs[0].name for node in graph.graph]
    assert [node.outputs[0].name for node in changed.graph] == names


def test_a_factor_stands_at_images_alone() -> None:
    """A gate of one number per channel has a factor per channel; one of one channel has none."""
    graph = network(
        "p = GlobalAveragePool(y) s = Sigmoid(p) g = Mul(x, s)",
    )
    write_gates(graph.graph)
    assert [tuple(node.inputs[1].shape) for node in graph.graph if is_factor(node)] == [
        (1, 8, 1, 1)
    ] * 3
    assert "GlobalAveragePool" in kinds(graph)
    assert not is_marked(next(n for n in graph.graph if n.op_type == "GlobalAveragePool"))


def test_the_image_itself_gets_no_factor() -> None:
    graph = parsed("s = Sigmoid(image) out = Mul(image, s)", {}, channels=3)
    (nodes,) = find_gates(graph.graph)
    write_gates(graph.graph)
    insert_edge_factors(graph.graph, nodes)
    assert not any(map(is_factor, graph.graph))
