"""Sums and norms are means, in the range of float16."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from edge_imgq.graph.passes.recognise import decompose_log_sums
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed
from tests.graph.passes.build import assert_same

AXES = {"a": np.array([1], np.int64)}


BOTH = {"a": np.array([2, 3], np.int64)}


REDUCTIONS = {
    "sum of channels": ("out = ReduceSum(image, a)", AXES),
    "sum of pixels": ("out = ReduceSum<keepdims=0>(image, a)", BOTH),
    "absolute sum": ("out = ReduceL1(image, a)", AXES),
    "norm": ("out = ReduceL2(image, a)", BOTH),
    "sum of squares": ("out = ReduceSumSquare(image, a)", BOTH),
    "greatest pixel": ("out = GlobalMaxPool(image)", {}),
    "log of a sum": ("e = Exp(image) out = ReduceLogSum(e, a)", AXES),
    "log of a sum of powers": ("out = ReduceLogSumExp(image, a)", AXES),
    "the same without its axes": ("out = ReduceLogSumExp<keepdims=0>(image, a)", BOTH),
    "the same of all": ("out = ReduceLogSumExp(image)", {}),
    "log of softmax": ("out = LogSoftmax<axis=1>(image)", {}),
    "log of softmax along rows": ("out = LogSoftmax(image)", {}),
    "divided by its norm": ("out = LpNormalization<axis=1>(image)", {}),
    "divided by its absolute sum": ("out = LpNormalization<axis=1, p=1>(image)", {}),
    "norm of channels": ("out = GlobalLpPool(image)", {}),
    "absolute sum of channels": ("out = GlobalLpPool<p=1>(image)", {}),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_sums_and_norms_become_means(name: str) -> None:
    body, constants = REDUCTIONS[name]
    gone = ("ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "GlobalMaxPool")
    assert_same(body, constants, *gone, *decompose_log_sums.DECOMPOSITIONS)


NORMS = {
    "as ReduceL2": "n = ReduceL2<keepdims=1>(image, a) out = Div(image, n)",
    "decomposed": (
        "s = Mul(image, image) t = ReduceSum<keepdims=1>(s, a) n = Sqrt(t) out = Div(image, n)"
    ),
    "with a power": (
        "s = Pow(image, two) t = ReduceSum<keepdims=1>(s, a) n = Sqrt(t) out = Div(image, n)"
    ),
}


@pytest.mark.parametrize("name", NORMS)
def test_the_norm_of_many_pixels_stays_in_the_range_of_float16(name: str) -> None:
    """Its square is 5e7; the mean of squares is that of one pixel."""
    constants = {"a": np.array([2, 3]), "two": np.float32(2)}
    assert_same(NORMS[name], constants)
    model = rewrite(parsed(NORMS[name], constants, "64,64"), ["canonical"])
    model.graph.outputs.extend(
        value for node in model.graph for value in node.outputs if not value.is_graph_output()
    )
    image = np.full((1, 6, 64, 64), 110, np.float32)
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    assert max(np.abs(value).max() for value in session.run(None, {"image": image})) < 65504
