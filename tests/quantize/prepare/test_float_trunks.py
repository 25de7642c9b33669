"""The sums of a trunk that gates feed: which they are, and an image that is nearer with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.error_model.channel_sensitivity import image_weights
from edge_imgq.quantize.prepare.float_operators import OPERATOR_GROUPS, operators_in_float
from edge_imgq.quantize.prepare.float_trunks import find_trunk, ranges_as_added
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.scales.scale_constraints import image_quantization
from tests.graph.build import parsed, weights
from tests.quantize.prepare.build import (
    CONTRACT,
    LOUD,
    PADS,
    PHOTOS,
    fidelity,
    quantized_where_float_is_slow,
)

FIRST = f"x = Conv{PADS}(image, w0) "


def block(number: int, source: str) -> str:
    """A layer, a gate of it, and a skip around both; the sum is t1, t2, …"""
    y, s, m = (f"{name}{number}" for name in "ysm")
    layer = f"{y} = Conv{PADS}({source}, w{number}) {s} = Sigmoid({y}) {m} = Mul({y}, {s}) "
    return f"{layer} t{number} = Add({m}, {source}) "


ONE = FIRST + block(1, "x")
GATED = ONE + "".join(block(i, f"t{i - 1}") for i in range(2, 5)) + "e = Add(t4, x) "
"""Four blocks with a gate each, and a skip around all of them."""

LAYERS = ("w1", "w2", "w3", "w4")
OF_LOUD = 9 * LOUD.reshape(1, 8, 1, 1)


def network(body: str = GATED, end: str = f"out = Conv{PADS}(e, w, bias)") -> ir.Model:
    """What a body makes of the image, with eight channels."""
    generator = np.random.default_rng(3)
    constants: dict[str, Any] = {
        "w0": LOUD * weights(generator, 8, 3, 3, 3), "w": weights(generator, 3, 8, 3, 3) / OF_LOUD,
        "bias": np.array([0.4, 0.5, 0.6], np.float32), "line": weights(generator, 8, 1, 1, 1),
        "half": np.float32(0.5),
    }  # fmt: skip
    within = LOUD / OF_LOUD / 4
    constants |= {name: within * weights(generator, 8, 8, 3, 3) for name in LAYERS}
    body = f"{body} {end}"
    words = set(body.replace("(", " ").replace(")", " ").replace(",", " ").split())
    used = {key: value for key, value in constants.items() if key in words}
    return parsed(body, used, size="96,96", channels=3)


def trunk_of(model: ir.Model) -> list[str | None]:
    """Names of what the nodes of a trunk make, once gates are in float."""
    for node in model.graph:
        if node.op_type in ("Sigmoid", "Mul"):
            mark_float(node)
    return [node.outputs[0].name for node in find_trunk(model.graph)]


def test_a_trunk_is_its_first_layer_and_all_sums_behind_gates() -> None:
    assert trunk_of(network()) == ["x", "t1", "t2", "t3", "t4", "e"]


def test_a_depthwise_affine_of_a_gate_belongs_to_a_trunk() -> None:
    body = f"x = Conv{PADS}(image, w0) s = Sigmoid(x) m = Mul(x, s) "
    body += "a = Conv<group = 8>(m, line) e = Add(a, x)"
    assert trunk_of(network(body)) == ["x", "a", "e"]


@pytest.mark.parametrize(
    "last",
    [
        f"c = Conv{PADS}(t1, w3) e = Add(c, t1)",  # its result is rounded anyway
        "e = Mul(t1, half)",
        f"r = Conv{PADS}(t1, w3) c = Relu(r) e = Add(c, c)",
    ],
)
def test_what_integer_layers_feed_does_not_belong_to_a_trunk(last: str) -> None:
    assert trunk_of(network(f"{ONE} {last}")) == ["x", "t1"]


def test_there_is_no_trunk_without_a_sum_or_without_a_region_in_float() -> None:
    assert trunk_of(network(f"x = Conv{PADS}(image, w0) y = Conv{PADS}(x, w1) e = Add(x, y)")) == []
    body = f"x = Conv{PADS}(image, w0) s = Sigmoid(x) m = Mul(x, s) e = Conv<group = 8>(m, line)"
    assert trunk_of(network(body)) == []


def test_an_image_gains_by_a_trunk_in_float() -> None:
    """Against the same quantizer that leaves its sums in int8."""
    graph = network()
    quantized = quantized_where_float_is_slow(graph)
    assert all(is_marked(node) for node in quantized.graph if node.op_type == "Add")
    without = quantized_where_float_is_slow(
        graph, [group for group in OPERATOR_GROUPS if group.find is not find_trunk]
    )
    assert fidelity(quantized, graph) > fidelity(without, graph) + 1


def test_integer_layers_read_a_rounded_copy_of_the_trunk() -> None:
    quantized = quantized_where_float_is_slow(network())
    layers = [node for node in quantized.graph if node.op_type == "Conv" and not is_marked(node)]
    assert all(edit.producer_of(node, 0).op_type == "DequantizeLinear" for node in layers)


@pytest.mark.parametrize("longer", [0.0, 0.1])
def test_where_time_is_short_a_trunk_is_in_float_if_it_takes_none(longer: float) -> None:
    """As in VapSR, whose file is at .8 of a float file's time by norms alone."""

    def share(model: ir.Model) -> float:
        sums = [node for node in model.graph if node.op_type == "Add"]
        return 0.8 + longer * all(map(is_marked, sums))

    graph, batch = network(), to_nchw(PHOTOS[0], CONTRACT.peak)
    operators_in_float(
        graph,
        observe_channels(graph, PHOTOS, CONTRACT.peak),
        image_quantization(CONTRACT.pixel_scale),
        lambda model: image_weights(model, batch),
        share,
    )
    sums = [node for node in graph.graph if node.op_type == "Add"]
    assert all(map(is_marked, sums)) == (longer == 0.0)


def test_what_is_only_added_has_the_range_of_its_sum() -> None:
    graph = network(f"x = Conv{PADS}(image, w0) y = Conv{PADS}(x, w1) e = Add(x, y)").graph
    ends = {"x": 1.0, "y": 2.0, "e": 3.0}
    seen = {name: ChannelRange(np.zeros(8), np.full(8, high)) for name, high in ends.items()}
    widened = ranges_as_added(graph, seen)
    assert {name: found.high[0] for name, found in widened.items()} == ends | {"y": 3.0}
