"""Cases of every operator that ncnn has a form for, and what its layers must keep."""

from __future__ import annotations

import numpy as np

from edge_imgq.export.ncnn.lower import layers_of
from edge_imgq.export.ncnn.lowerings import LOWERINGS
from tests.export.ncnn.witness import run_ncnn
from tests.export.tflite.cases import EVERY, numbers, scalar, weights
from tests.export.tflite.witness import Case, network_of, run_onnx

SEED = 3
EXACT = 2e-5
"""Largest difference in units of the largest value; float32, in another order of summation."""

HALF = 4e-3
"""The same where weights have 11 bits."""

MORE = {
    "hard sigmoid": Case("y = HardSigmoid<alpha=0.25, beta=0.4>(x)"),
    "sine": Case("y = Sin(x)"),
    "cosine": Case("y = Cos(x)"),
    "floor and ceiling": Case("a = Floor(x) b = Ceil(x) y = Add(a, b)"),
    "square of negatives": Case("y = Pow(x, c)", constants={"c": scalar(2)}),
    "cube of negatives": Case("y = Pow(x, c)", constants={"c": scalar(3)}),
    "gamma of black": Case("a = Relu(x) y = Pow(a, c)", constants={"c": scalar(1 / 2.2)}),
    "black to computed powers": Case("a = Relu(x) b = Sigmoid(x) c = Exp(b) y = Pow(a, c)"),
    "number to a power": Case("y = Pow(c, x)", constants={"c": scalar(1.7)}),
    "prelu per pixel": Case("y = PRelu(x, a)", constants={"a": weights(1, 1, 12, 10)}),
    "both operands broadcast": Case(
        "a = ReduceMean<keepdims=1>(x, p) b = ReduceMax<keepdims=1>(x, q) "
        "c = ReduceMin<keepdims=1>(x, q) d = Mul(a, b) y = Sub(d, c)",
        constants={"p": numbers(1), "q": numbers(2, 3)},
    ),
    "reductions over no axes": Case(
        "a = ReduceMean<noop_with_empty_axes=1>(x) b = ReduceMax<noop_with_empty_axes=1>(x) "
        "c = ReduceMin<noop_with_empty_axes=1>(x, p) d = Mul(a, b) y = Sub(d, c)",
        constants={"p": numbers()},
    ),
    "reductions over all axes": Case(
        "a = ReduceMean(x, p) b = ReduceMax(x, p) c = ReduceMin(x) d = Mul(a, b) e = Sub(d, c) "
        "y = Add(x, e)",
        constants={"p": numbers()},
    ),
    "deconv of groups": Case(
        "y = ConvTranspose<group=2, strides=[2,2], pads=[1,1,1,1]>(x, w)",
        constants={"w": weights(6, 4, 4, 4)},
    ),
    "axes in another order, five of them": Case(
        "t = Reshape(x, n) s = Transpose<perm=[0,5,2,4,1,3]>(t) y = Reshape(s, m)",
        constants={"n": numbers(1, 2, 3, 4, 3, 10), "m": numbers(1, 60, 3, 4)},
    ),
    "part of too many axes": Case(
        "t = Reshape(x, n) s = Slice(t, b, e, a) y = Reshape(s, m)",
        constants={
            "n": numbers(1, 2, 3, 4, 3, 10), "b": numbers(1), "e": numbers(3), "a": numbers(3),
            "m": numbers(1, 6, 6, 10),
        },
    ),
    "split of too many axes": Case(
        "t = Reshape(x, n) a, b, c = Split<axis=2, num_outputs=3>(t) d = Reshape(b, m) "
        "e = Reshape(c, m) y = Sub(d, e)",
        constants={"n": numbers(1, 2, 3, 4, 3, 10), "m": numbers(1, 8, 3, 10)},
    ),
    "product of windows": Case(
        "t = Reshape(x, n) u = Transpose<perm=[0,1,3,2]>(t) s = MatMul(t, u) p = Softmax(s) "
        "o = MatMul(p, t) y = Reshape(o, m)",
        constants={"n": numbers(3, 2, 12, 10), "m": numbers(1, 6, 12, 10)},
    ),
}  # fmt: skip
CASES = {name: case for name, case in {**EVERY, **MORE}.items() if name != "rounded"}
"""Operators of the cases; Round is refused, because no document says how ncnn rounds a half."""


def image(case: Case) -> np.ndarray:
    return np.random.default_rng(SEED).uniform(-2, 2, case.shape).astype(np.float32)


def file_of(name: str) -> str:
    """Return the file that builds a case's convolution, or its last operator."""
    nodes = CASES[name].model().graph.node
    kind = nodes[0].op_type if nodes[0].op_type.startswith("Conv") else nodes[-1].op_type
    return LOWERINGS[kind].build.__module__.rpartition(".")[2]


def cases_of(file: str) -> list[str]:
    return [name for name in CASES if file_of(name) == file]


def assert_layers(name: str) -> None:
    """Assert that ncnn computes of a case what ONNX Runtime computes, in float32 and float16."""
    case = CASES[name]
    model, values = case.model(), image(case)
    wanted = run_onnx(model, values)
    layers = layers_of(network_of(model))
    got = run_ncnn(layers, values).reshape(wanted.shape)
    largest = max(1.0, float(np.abs(wanted).max()))
    assert np.abs(got - wanted).max() <= EXACT * largest
    half = run_ncnn(layers, values, half=True).reshape(wanted.shape)
    assert np.abs(half - wanted).max() <= HALF * largest
