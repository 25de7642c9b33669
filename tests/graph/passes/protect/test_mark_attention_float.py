"""Attention in a quantized graph: scores and weights stay float between the products."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.passes.protect.mark_attention_float import mark_attention_float
from tests.export.tflite.witness import (
    Case,
    kinds,
    levels_of_both,
    lowered,
    network_of,
    quantized,
    run_onnx,
    to_integers,
)
from tests.graph.build import parsed
from tests.random_networks.build import FLOAT_PASSES, rewritten

SEED = 3
WINDOW = """
    q = Reshape(x, rows) k = Transpose<perm=[0,2,1]>(q)
    s = MatMul(q, k) m = Add(s, mask) w = Softmax<axis=-1>(m) v = MatMul(w, q)
    y = Reshape(v, image)
"""


def masked(size: int, value: float) -> Case:
    """Attention of rows to rows, half of which are masked."""
    mask = np.where(np.arange(size) % 2, np.float32(value), np.float32(0))
    constants = {
        "rows": np.array([1, size, 6], np.int64), "image": np.array([1, 6, 12, size // 12]),
        "mask": mask.astype(np.float32),
    }  # fmt: skip
    return Case(WINDOW, (1, 6, 12, size // 12), constants)


@pytest.mark.parametrize(("size", "value"), [(120, -100.0), (480, 0.0), (480, -100.0)])
def test_int8_attention_keeps_what_a_mask_and_many_keys_leave(size: int, value: float) -> None:
    case = masked(size, value)
    values = np.random.default_rng(SEED).uniform(-2, 2, case.shape).astype(np.float32)
    model = quantized(rewritten(case.model(), FLOAT_PASSES), values)
    leaving = network_of(model).outputs[0].quantization
    assert leaving is not None
    wanted, got = levels_of_both(model, values)
    assert np.abs(got - wanted).max() <= 1
    assert np.abs(got - to_integers(run_onnx(case.model(), values), leaving)).mean() < 1
    order = kinds(lowered(model))
    first, last = order.index("BATCH_MATMUL"), len(order) - order[::-1].index("BATCH_MATMUL")
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(order[first:last])


@pytest.mark.parametrize(
    "body",
    [
        "w = Softmax<axis=1>(image) out = Mul(w, image)",
        "w = Softmax<axis=3>(image) out = MatMul(w, fixed)",
        "t = Transpose<perm=[0,1,3,2]>(image) s = MatMul(image, t) w = Softmax<axis=3>(s) "
        "v = MatMul(w, image) out = Add(v, v) extra = Relu(w)",
    ],
)
def test_what_is_no_attention_or_is_looked_at_is_left_alone(body: str) -> None:
    model = parsed(body, {"fixed": np.ones((10, 4), np.float32)})
    assert mark_attention_float(model) == 0
    assert not any(is_marked(node) for node in model.graph)
