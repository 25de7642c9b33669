"""Every operator that ncnn has a form for, run by ncnn against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.export.ncnn.data_movement import LETTERS, ORDERS, merged
from edge_imgq.export.ncnn.lower import layers_of, refusals
from edge_imgq.export.ncnn.lowerings import LOWERINGS
from edge_imgq.graph.rewrite import rewrite
from tests.export.tflite.cases import numbers, weights
from tests.export.tflite.witness import Case, network_of, run_onnx

from .build import CASES, image
from .witness import run_ncnn


def test_every_form_is_run() -> None:
    used = {node.op_type for case in CASES.values() for node in case.model().graph.node}
    # A Reshape, or nothing.
    assert set(LOWERINGS) - used == {"Dropout", "Requantize", "Squeeze", "Unsqueeze"}


def test_what_ncnn_lacks_is_refused_by_name_and_the_rest_is_looked_at() -> None:
    body = "a = Sign(x) b = Relu(a) c = Sigmoid(x) d = Round(c) y = Add(b, d)"
    network = network_of(Case(body).model())
    assert [refusal.operator for refusal in refusals(network)] == [
        "Sign 'node_0_Sign'", "Round 'node_3_Round'"
    ]  # fmt: skip
    with pytest.raises(UnsupportedOperatorError, match=r"ncnn cannot express 2 operators"):
        layers_of(network)


@pytest.mark.parametrize(
    ("body", "constants", "reason"),
    [
        ("y = Slice(x, s, e, a, t)", {"s": numbers(11), "e": numbers(-99), "a": numbers(2),
                                      "t": numbers(-1)}, "walks backwards"),
        ("y = Slice(x, s, e, a, t)", {"s": numbers(0), "e": numbers(6), "a": numbers(1),
                                      "t": numbers(2)}, "every second channel"),
        ('y = Pad<mode="wrap">(x, n)', {"n": numbers(0, 0, 1, 1, 0, 0, 1, 1)}, "by 'wrap'"),
        ("y = Conv(x, w)", None, "at run time"),
        ("y = MaxPool<kernel_shape=[2,2], dilations=[2,2]>(x)", {}, "dilated"),
        ("t = Reshape(x, n) y = Relu(t)", {"n": numbers(1, 2, 3, 4, 3, 10)}, "at most 4 axes"),
    ],
)  # fmt: skip
def test_a_use_without_a_form_is_refused_with_the_reason(body, constants, reason) -> None:
    if constants is None:
        body = "w = Reshape(x, n) y = Conv(x, w)"
        constants = {"n": numbers(60, 6, 2, 1)}
    (found, *_) = refusals(network_of(Case(body, constants=constants).model()))
    assert reason in found.reason


def test_orders_of_axes_are_all_there_once() -> None:
    for count, orders in ORDERS.items():
        assert all(sorted(order) == sorted(LETTERS[count]) for order in orders)
        assert len(set(orders)) == len(orders) == np.prod(range(1, count + 1))


def test_axes_that_stay_together_are_one() -> None:
    assert merged((1, 4, 8, 5, 8, 16), (0, 1, 3, 2, 4, 5)) == ((4, 8, 5, 128), [0, 2, 1, 3])
    assert merged((2, 1, 3), (2, 1, 0)) == ((2, 3), [1, 0])
    assert merged((1, 1), (1, 0)) == ((1,), [0])


def test_a_network_of_norms_and_gates_keeps_its_meaning() -> None:
    case = Case(
        "n = InstanceNormalization(x, s, b) g = GlobalAveragePool(n) h = Sigmoid(g) y = Mul(n, h)",
        constants={"s": weights(6) + 1, "b": weights(6)},
    )
    model = ir.to_proto(rewrite(ir.from_proto(case.model()), ["canonical"]))
    values = image(case)
    wanted = run_onnx(case.model(), values)
    got = run_ncnn(layers_of(network_of(model)), values)
    assert np.abs(got - wanted[0]).max() <= 1e-5
