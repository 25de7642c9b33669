"""Which cases belong to which file of `export/tflite/operators`, and what each must keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_imgq.export.tflite.lowerings import LOWERINGS
from tests.export.tflite.cases import ACTIVATIONS, EVERY, POOLS, QUANTIZABLE, RESIZES
from tests.export.tflite.witness import (
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

ELSEWHERE = {
    **dict.fromkeys(("pad reflected", "pad reflected all around"), "reflect_pad"),
    **dict.fromkeys(
        ("nearest doubled", "nearest doubled, few channels", "nearest doubled, many channels",
         "nearest by 3 and 8", "nearest of rows", "nearest of one pixel"), "nearest_resize"
    ),
}  # fmt: skip
"""Cases of operators that several files write, and the file that writes them."""


def file_of(name: str) -> str:
    """Return the file of operators that a case is about: of its convolution, or its last node."""
    nodes = EVERY[name].model().graph.node
    kind = nodes[0].op_type if nodes[0].op_type.startswith("Conv") else nodes[-1].op_type
    lowering = LOWERINGS[kind]
    return ELSEWHERE.get(name, str(getattr(lowering, "__module__", "")).rpartition(".")[2])


def cases_of(file: str) -> list[str]:
    return [name for name in EVERY if file_of(name) == file]


def quantizable(names: Sequence[str]) -> list[str]:
    return [name for name in names if name in QUANTIZABLE]


def image(case: Case) -> np.ndarray:
    return np.random.default_rng(SEED).uniform(-2, 2, case.shape).astype(np.float32)


def assert_float_file(name: str) -> None:
    """Assert that LiteRT computes of a float file what ONNX Runtime computes of the model."""
    model, values = EVERY[name].model(), image(EVERY[name])
    wanted = run_onnx(model, values)
    got = from_file(run_litert(lowered(model), to_file(values)))
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-5


def assert_int8_file(name: str) -> None:
    """Assert that an int8 file is within a level of the QDQ model, and mostly equal to it."""
    case = QUANTIZABLE[name]
    values = image(case)
    wanted, got = levels_of_both(quantized(case.model(), values), values)
    assert got.shape == wanted.shape
    off = np.abs(got - wanted)
    assert off.max() <= 1, f"{(off > 1).mean():.2%} of values are more than 1 LSB off"
    assert (off == 0).mean() > (0.6 if name in ROUNDED_OTHERWISE else 0.97)
    assert len(np.unique(wanted)) > 4, "the case is too flat to show anything"
