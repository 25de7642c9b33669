"""Networks that hold their images channels last, against ONNX Runtime on the original."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.passes.normalise.reduce_transposes import reduce_transposes
from edge_imgq.graph.passes.tidy.merge_reshapes import merge_reshapes
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, run
from tests.graph.passes.normalise.channels_last import (
    FIRST,
    LAST,
    check,
    values,
)

GONE = {
    "nothing between": (f"a = {LAST}(image) b = {FIRST}(a) out = Relu(b)", ["Relu"]),
    "activations": (f"a = {LAST}(image) b = Relu(a) c = Clip(b, lo, hi) out = {FIRST}(c)",
                    ["Relu", "Clip"]),
    "constants": (f"a = {LAST}(image) b = Add(a, vector) c = Mul(column, b) d = Sub(c, whole) "
                  f"e = Div(d, scalar) f = PRelu(e, vector) out = {FIRST}(f)",
                  ["Add", "Mul", "Sub", "Div", "PRelu"]),
    "functions of one number": (f"a = {LAST}(image) b = Softplus(a) c = Floor(b) d = Sin(c) "
                                f"out = {FIRST}(d)", ["Softplus", "Floor", "Sin"]),
    "a choice": (f"a = {LAST}(image) b = Greater(a, vector) c = Where(b, a, column) "
                 f"out = {FIRST}(c)", ["Greater", "Where"]),
    "a norm of channels": (f"a = {LAST}(image) b = ReduceL2<keepdims=1>(a, minus1) c = Div(a, b) "
                           f"out = {FIRST}(c)", ["ReduceL2", "Div"]),
    "a residual": (f"c = Conv(image, w) a = {LAST}(image) b = {LAST}(c) d = Add(a, b) "
                   f"out = {FIRST}(d)", ["Conv", "Add"]),
    "a concatenation": (f"a = {LAST}(image) b = Tanh(a) c = Concat<axis=-1>(a, b) "
                        f"out = {FIRST}(c)", ["Tanh", "Concat"]),
    "a split": (f"a = {LAST}(image) b, c = Split<axis=3, num_outputs=2>(a) d = Mul(b, c) "
                f"out = {FIRST}(d)", ["Split", "Mul"]),
    "softmax": (f"a = {LAST}(image) b = Softmax<axis=-1>(a) out = {FIRST}(b)", ["Softmax"]),
    "a mean": (f"a = {LAST}(image) b = ReduceMean<keepdims=1>(a, axes12) c = Mul(a, b) "
               f"out = {FIRST}(c)", ["ReduceMean", "Mul"]),
    "a mean over channels": (f"a = {LAST}(image) b = ReduceMax(a, minus1) c = Sub(a, b) "
                             f"out = {FIRST}(c)", ["ReduceMax", "Sub"]),
    "a mean without its axes": (f"a = {LAST}(image) out = ReduceMean<keepdims=0>(a, axes12)",
                                ["ReduceMean"]),
    "padding": (f'a = {LAST}(image) b = Pad<mode="reflect">(a, pads) out = {FIRST}(b)', ["Pad"]),
    "a slice": (f"a = {LAST}(image) b = Slice(a, from, to, axis3) out = {FIRST}(b)", ["Slice"]),
    "a product": (f"a = {LAST}(image) b = MatMul(a, matrix) c = Add(b, row) out = {FIRST}(c)",
                  ["Conv", "Add"]),
    "a gate": (f"m = GlobalAveragePool(image) t = Reshape(m, thin) g = Sigmoid(t) "
               f"a = {LAST}(image) b = Mul(a, g) out = {FIRST}(b)",
               ["GlobalAveragePool", "Reshape", "Sigmoid", "Reshape", "Mul"]),
    "two readers": (f"a = {LAST}(image) b = Relu(a) c = {FIRST}(b) d = Sigmoid(a) e = {FIRST}(d) "
                    f"out = Add(c, e)", ["Relu", "Sigmoid", "Add"]),
}  # fmt: skip


@pytest.mark.parametrize("name", GONE)
def test_transpositions_meet_and_cancel(name: str) -> None:
    check(*GONE[name], reduce_transposes)


@pytest.mark.parametrize(
    ("body", "count"),
    [(f"a = {LAST}(image) b = Relu(a) out = {LAST}(b)", 1),
     (f"a = {LAST}(image) out = ReduceMean<keepdims=0>(a, from)", 1)],
)  # fmt: skip
def test_one_that_must_stay_is_the_only_one(body: str, count: int) -> None:
    graph = check(body, None, reduce_transposes)
    assert kinds(graph).count("Transpose") == count


def test_reshapes_are_merged_or_vanish() -> None:
    body = "a = Flatten<axis=2>(image) b = Unsqueeze(a, minus1) c = Reshape(b, same) out = Relu(c)"
    check(body, ["Relu"], merge_reshapes)
    body = "a = Flatten<axis=2>(image) b = Reshape(a, flat) out = Relu(b)"
    check(body, ["Reshape", "Relu"], merge_reshapes)
    body = "a = Flatten<axis=2>(image) b = Relu(a) out = Reshape(b, flat)"
    check(body, ["Flatten", "Relu", "Reshape"], merge_reshapes)


def channels_last_model(height: Any = 8) -> onnx.ModelProto:
    """A network as tf2onnx writes it: (N, H, W, C) outside, transpositions around convolutions."""
    nodes = [
        helper.make_node("Transpose", ["image"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["a", "w"], ["b"], pads=[1, 1, 1, 1]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 3, 1]),
        helper.make_node("Tanh", ["c"], ["d"]),
        helper.make_node("Add", ["d", "image"], ["out"]),
    ]
    image, out = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, height, 10, 3))
        for name in ("image", "out")
    )
    weight = numpy_helper.from_array(values(3, 3, 3, 3), "w")
    graph = helper.make_graph(nodes, "last", [image], [out], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize("height", [8, "h"])
def test_a_model_that_is_channels_last_outside_becomes_channels_first(height: Any) -> None:
    proto = channels_last_model(height)
    image = np.random.default_rng(1).normal(size=(1, 8, 10, 3)).astype(np.float32)
    wanted = ReferenceEvaluator(proto).run(None, {"image": image})[0]
    model = normalise(proto, "last")
    assert list(model.graph.inputs[0].shape or ())[1] == 3
    rewritten = rewrite(model, ["canonical"])
    assert kinds(rewritten) == ["Conv", "Tanh", "Add"]
    for version in (model, rewritten):
        result = run(version, image.transpose(0, 3, 1, 2))
        np.testing.assert_allclose(result.transpose(0, 2, 3, 1), wanted, atol=1e-5)
