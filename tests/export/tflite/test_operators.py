"""Each operator, float and int8, against ONNX Runtime on the same model."""

from __future__ import annotations

import numpy as np
import pytest

from .cases import ACTIVATIONS, EVERY, POOLS, QUANTIZABLE, RESIZES
from .witness import (
    Case,
    from_file,
    levels_of_both,
    lowered,
    quantized,
    run_litert,
    run_onnx,
    to_file,
)

SEED = 11

ROUNDED_OTHERWISE = {**ACTIVATIONS, **POOLS, **RESIZES}
"""Operators that meet ties often, which TFLite's kernels round up and ONNX to even, or whose fixed
output scale makes them round twice."""


def image(case: Case) -> np.ndarray:
    return np.random.default_rng(SEED).uniform(-2, 2, case.shape).astype(np.float32)


@pytest.mark.parametrize("name", EVERY)
def test_a_float_file_agrees_with_onnx_runtime(name: str) -> None:
    case = EVERY[name]
    model, values = case.model(), image(case)
    wanted = run_onnx(model, values)
    got = from_file(run_litert(lowered(model), to_file(values)))
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-5


@pytest.mark.parametrize("name", QUANTIZABLE)
def test_an_int8_file_agrees_with_the_qdq_model(name: str) -> None:
    case = QUANTIZABLE[name]
    values = image(case)
    wanted, got = levels_of_both(quantized(case.model(), values), values)
    assert got.shape == wanted.shape
    off = np.abs(got - wanted)
    assert off.max() <= 1, f"{(off > 1).mean():.2%} of values are more than 1 LSB off"
    assert (off == 0).mean() > (0.6 if name in ROUNDED_OTHERWISE else 0.97)
    assert len(np.unique(wanted)) > 4, "the case is too flat to show anything"
