"""Ranges of results that nobody says hold what photographs reach, and a margin."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

import edge_imgq
from edge_imgq.pipeline.open_model.port_range import with_range
from edge_imgq.ports import PortRequest
from tests.port_networks import IMAGE, write


@pytest.mark.parametrize(("last", "at_zero"), [("Identity", False), ("Relu", True)])
def test_low_ends_at_zero_only_where_the_last_operator_does(
    tmp_path: Path, last: str, at_zero: bool
) -> None:
    """Eight photographs without a number below 0 say nothing of a ninth."""
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], pads=[1] * 4),
        helper.make_node(last, ["c"], ["out"]),
    ]
    weights = np.arange(54).reshape(2, 3, 3, 3) / 100
    path = write(tmp_path / "m.onnx", nodes, [IMAGE], 2, {"w": weights})
    port = edge_imgq.open(path).contract.result
    assert port is not None
    assert len(port.low) == 2
    assert all(low == 0 if at_zero else low < 0 for low in port.low)
    # Gray photographs reach nearly the sum of the weights, a quarter more is the margin.
    sums = weights.reshape(2, -1).sum(axis=1)
    assert (np.array(port.high) > sums).all()
    assert (np.array(port.high) < 1.3 * sums).all()


def test_memory_does_not_grow_with_the_photographs(tmp_path: Path) -> None:
    """Each of eight gives 32 numbers a pixel, of which the least and the most are kept."""
    node = helper.make_node("Conv", ["image", "w"], ["out"])
    weights = np.ones((32, 3, 1, 1))
    model = edge_imgq.open(
        write(tmp_path / "m.onnx", [node], [IMAGE], 32, {"w": weights}),
        output_name="out=plane:0..4",
    )
    port = model.contract.result
    assert port is not None
    tracemalloc.start()
    found = with_range(port, model.source.model, model.contract, PortRequest(port.name))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.low) == 32
    assert peak < 150e6, peak
