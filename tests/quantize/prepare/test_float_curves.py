"""Curves that are applied to the image itself: which they are, and an image nearer in float."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.quantize.prepare.float_curves import find_curves
from edge_imgq.quantize.prepare.float_operators import OPERATOR_GROUPS
from tests.graph.build import parsed, weights
from tests.quantize.prepare.build import (
    PADS,
    fidelity,
    quantized_where_float_is_slow,
)


def curve(number: int, source: str) -> str:
    """x + a · (x² − x) with three of the maps; the sum is x1, x2, …"""
    square, difference, product = (f"{name}{number}" for name in "sdp")
    return (
        f"{square} = Mul({source}, {source}) {difference} = Sub({square}, {source}) "
        f"{product} = Mul(a{number}, {difference}) x{number} = Add({source}, {product}) "
    )


MAPS = (
    f"f = Conv{PADS}(image, w0) r = Relu(f) g = Conv{PADS}(r, w1) h = Relu(g) "
    f"m = Conv{PADS}(h, w2) t = Tanh(m) "
    "a1, a2, a3, a4 = Split<axis = 1, num_outputs = 4>(t) "
)
FOUR = curve(1, "image") + curve(2, "x1") + curve(3, "x2") + curve(4, "x3")


def network(body: str = MAPS + FOUR + "out = Identity(x4)") -> ir.Model:
    """Four curves with maps that three layers make."""
    generator = np.random.default_rng(3)
    constants = {
        "w0": weights(generator, 16, 3, 3, 3), "w1": weights(generator, 16, 16, 3, 3),
        "w2": weights(generator, 12, 16, 3, 3), "half": np.float32(0.5),
    }  # fmt: skip
    used = {key: value for key, value in constants.items() if key in body}
    return parsed(body, used, size="96,96", channels=3)


def found_names(model: ir.Model) -> list[str | None]:
    return [node.outputs[0].name for node in find_curves(model.graph)]


def test_curves_are_the_arithmetic_on_the_image() -> None:
    numbers = range(1, 5)
    assert found_names(network()) == [f"{name}{number}" for number in numbers for name in "sdpx"]


@pytest.mark.parametrize(
    "body",
    [
        MAPS + "p = Mul(image, a1) out = Add(p, a2)",
        MAPS + "p = Mul(image, half) s = Add(p, a1) out = Add(s, a2)",
        f"f = Conv{PADS}(image, w0) p = Mul(f, f) s = Add(p, f) d = Sub(s, p) out = Relu(d)",
    ],
    ids=["one sum", "no product of two images", "many channels"],
)
def test_other_arithmetic_is_no_curve(body: str) -> None:
    assert found_names(network(body)) == []


def test_an_image_gains_by_curves_in_float() -> None:
    model = network()
    quantized = quantized_where_float_is_slow(model)
    assert any(node.op_type == "Add" and is_marked(node) for node in quantized.graph)
    without = quantized_where_float_is_slow(
        model, [group for group in OPERATOR_GROUPS if group.find is not find_curves]
    )
    assert fidelity(quantized, model) > fidelity(without, model) + 3
