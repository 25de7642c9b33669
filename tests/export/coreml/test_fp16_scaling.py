"""What operators count in: fewer values of a package end a level off those of ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_imgq.export.coreml.fp16_scaling import choose_fp16_scale
from edge_imgq.graph.network import Network
from tests.export.coreml.witness import saved, step_by_step
from tests.export.tflite.witness import Case, network_of, quantized

SHAPE = (1, 4, 32, 40)


def numbers(*shape: int, scale: float) -> Any:
    return np.random.default_rng((5, *shape)).normal(0, scale, shape).astype(np.float32)


IMAGE = np.random.default_rng(2).uniform(-2, 2, SHAPE).astype(np.float32)
WEIGHTS = {
    "w": numbers(8, 4, 3, 3, scale=1 / 6),
    "b": numbers(8, scale=0.5),
    "v": numbers(3, 8, 1, 1, scale=0.3),
}

SHARES = {
    "Conv": ("z = Conv<pads=[1,1,1,1]>(x, w, b)", 0.010),
    "Relu": ("a = Conv<pads=[1,1,1,1]>(x, w, b) z = Relu(a)", 0.0077),
    "LeakyRelu": ("a = Conv<pads=[1,1,1,1]>(x, w, b) z = LeakyRelu<alpha=0.2>(a)", 0.004),
    "Add": ("a = Conv<pads=[1,1,1,1]>(x, w, b) c = Sigmoid(a) z = Add(a, c)", 0.004),
    "Mul": ("a = Conv<pads=[1,1,1,1]>(x, w, b) c = GlobalAveragePool(a) z = Mul(a, c)", 0.002),
}
"""Share of z that may be off. In their own steps they have .0120, .0084, .0134, .0059 and .0030."""


def networks(name: str) -> tuple[Any, Network]:
    used = {key: value for key, value in WEIGHTS.items() if f" {key}" in f" {SHARES[name][0]} v"}
    model = quantized(Case(f"{SHARES[name][0]} y = Conv(z, v)", SHAPE, used).model(), IMAGE)
    return model, network_of(model)


@pytest.mark.parametrize("name", SHARES)
def test_few_values_of_an_operator_end_a_level_off(name: str, tmp_path: Path) -> None:
    model, view = networks(name)
    off = step_by_step(view, model, {"x": IMAGE}, saved(view, tmp_path / "m.mlpackage"))
    assert off["z"].max() <= 1
    assert (off["z"] > 0).mean() <= SHARES[name][1]


def test_what_shares_one_scale_is_counted_in_its_own_steps() -> None:
    """Integers that are only copied or added are exact as they are."""
    case = Case("a = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x) y = Add(a, a)", SHAPE)
    view = network_of(quantized(case.model(), IMAGE, edge=None))
    pool = next(operation for operation in view.operations if operation.kind == "MaxPool")
    scale = pool.output.quantization
    assert scale is not None
    counting = choose_fp16_scale(pool)
    assert (counting.unit, counting.offset) == (float(scale.scale[0]), 0)
