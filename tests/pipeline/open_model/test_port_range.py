"""Ranges of results that nobody says hold what photographs reach, and a margin."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
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


@pytest.mark.parametrize("last", ["Mul(h, t)", "Div(t, h)", "Sub(h, t)", "Sub(t, h)", "Add(t, h)"])
def test_constants_after_a_bounded_operator_move_its_range(tmp_path: Path, last: str) -> None:
    """At the ends of Tanh, ONNX Runtime returns the ends of the range."""
    text = (
        '<ir_version: 8, opset_import: ["" : 17]>\n'
        "small (float[1,3,h,w] image) => (float[1,2,oh,ow] out) <float[2,3,1,1] w = "
        "{9, 9, 9, -9, -9, -9}, float h = {-0.4}> { c = Conv(image, w) d = Identity(c) "
        f"t = Tanh(d) out = {last} }}"
    )
    path = tmp_path / "m.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    port = edge_imgq.open(path).contract.result
    assert port is not None
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {"image": np.ones((1, 3, 8, 8), np.float32)})
    ends = (found.min(), found.max())
    np.testing.assert_allclose((port.low, port.high), np.reshape(ends, (2, 1)), rtol=1e-6)


@pytest.mark.parametrize(("gain", "span"), [(0.1, (0, 1)), (0.1, (-1, 1)), (3, None)])
def test_rgba_from_rgba_has_the_range_of_pixels_if_it_stays_there(
    tmp_path: Path, gain: float, span: tuple[float, float] | None
) -> None:
    """The opaque channel would have a range of nearly no width if it were measured."""
    generator = np.random.default_rng(4)
    nodes = [
        helper.make_node("Conv", ["rgba", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Add", ["rgba", "c"], ["out"]),
    ]
    weights = generator.normal(0, gain, (4, 4, 3, 3)) * gain
    path = write(tmp_path / "m.onnx", nodes, [("rgba", (1, 4, "h", "w"))], 4, {"w": weights})
    low, high = span or (0, 1)
    port = edge_imgq.open(path, pixel_range=(low, high)).contract.result
    assert port is not None
    if span is None:
        assert len(port.low) == 4
    else:
        assert (port.low, port.high) == ((low,), (high,))


@pytest.mark.parametrize("last", ["Div(h, t)", "Mul(t, c)", "Mul(t, k)"])
def test_other_numbers_after_a_bounded_operator_are_measured(tmp_path: Path, last: str) -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 17]>\n'
        "small (float[1,3,h,w] image) => (float[1,2,oh,ow] out) <float[2,3,1,1] w = "
        "{1, 1, 1, 1, 1, 1}, float h = {0.4}, float[1,2,1,1] k = {1, 2}, float[2] b = {1, 1}> "
        f"{{ c = Conv(image, w, b) t = Tanh(c) out = {last} }}"
    )
    path = tmp_path / "m.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    port = edge_imgq.open(path).contract.result
    assert port is not None
    assert len(port.low) == 2


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
