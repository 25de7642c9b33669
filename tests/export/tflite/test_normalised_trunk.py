"""Blocks behind norms over channels: dark pixels survive int8, and the file is the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from edge_imgq.graph.rewrite import rewrite
from edge_imgq.runtime.litert import placement_of

from .witness import Case, interpreter_of, levels_of_both, lowered, quantized, run_onnx

GENERATOR = np.random.default_rng(7)
BODY = (
    "c = Conv<pads=[1,1,1,1]>(x, w) q = ReduceL2<keepdims=1>(c, a) l = Clip(q, floor) "
    "n = Div(c, l) k1 = Conv(n, k) t = Add(c, k1) q2 = ReduceL2<keepdims=1>(t, a) "
    "l2 = Clip(q2, floor) n2 = Div(t, l2) y = Conv<pads=[1,1,1,1]>(n2, z)"
)


def spread(*shape: int, gain: float = 1.0) -> Any:
    values = GENERATOR.normal(0, gain / np.sqrt(np.prod(shape[1:])), shape)
    return values.astype(np.float32)


CASE = Case(
    BODY,
    (1, 3, 12, 10),
    {
        "w": spread(8, 3, 3, 3, gain=3),
        "k": spread(8, 8, 1, 1, gain=0.2),
        "z": spread(3, 8, 3, 3, gain=2),
        "a": np.array([1], np.int64),
        "floor": np.array(1e-12, np.float32),
    },
)


def image() -> Any:
    values = GENERATOR.uniform(-2, 2, CASE.shape)
    values[..., :6] *= 0.05
    return (np.rint(values / (2 / 127)) * (2 / 127)).astype(np.float32)


def decibels(wanted: Any, got: Any) -> float:
    return float(10 * np.log10(np.square(wanted).mean() / np.square(wanted - got).mean()))


def rewritten() -> onnx.ModelProto:
    return ir.to_proto(rewrite(ir.from_proto(CASE.model()), ["canonical"]))


def test_what_a_norm_enlarges_is_not_rounded_before_it() -> None:
    """ONNX Runtime runs the model as given, and its QDQ forms with and without the marks."""
    values = image()
    wanted = run_onnx(CASE.model(), values)[..., :5]
    marked = run_onnx(quantized(rewritten(), values), values)[..., :5]
    plain = rewritten()
    for node in plain.graph.node:
        if node.op_type in ("Add", "Conv"):
            del node.metadata_props[:]
    rounded = run_onnx(quantized(plain, values), values)[..., :5]
    assert decibels(wanted, marked) > decibels(wanted, rounded) + 6


def test_the_file_is_the_graph_in_one_partition() -> None:
    values = image()
    model = quantized(rewritten(), values)
    wanted, got = levels_of_both(model, values)
    assert np.abs(got - wanted).max() <= 1
    assert (got == wanted).mean() > 0.99
    found = placement_of(interpreter_of(lowered(model)))
    assert found.partitions == 1
    assert set(found.fallback) <= {"QUANTIZE"}
