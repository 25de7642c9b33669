"""Transpositions of six axes and more between reshapes, against ONNX Runtime."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.export.coreml.high_rank_transpose import MAX_AXES, split_high_rank_transposes
from edge_imgq.export.coreml.program import refusals
from tests.export.coreml.witness import run, saved, step_by_step
from tests.export.tflite.witness import Case, network_of, quantized, run_onnx

SHAPE = (1, 12, 8, 16)
IMAGE = np.random.default_rng(5).uniform(-1, 1, SHAPE).astype(np.float32)

CASES = {
    "ELAN's windows": ((1, 2, 6, 2, 4, 4, 4), (1, 0, 3, 5, 4, 6, 2), (2, 8, 16, 6)),
    "SRFormer's keys": ((8, 2, 2, 2, 2, 2, 6), (5, 0, 1, 3, 2, 4, 6), (2, 8, 8, 12)),
    "every axis elsewhere": ((2, 6, 2, 4, 4, 4), (1, 0, 3, 2, 5, 4), (6, 16, 16)),
}
"""Shape before, order of the axes, shape after."""


def case(name: str) -> Case:
    before, order, after = CASES[name]
    body = (
        f"a = Abs(x) r = Reshape(a, b) t = Transpose<perm={list(order)}>(r) m = Reshape(t, n) "
        "y = Mul(m, s)"
    )
    constants = {"b": np.array(before), "n": np.array(after), "s": np.float32(0.5)}
    return Case(body, SHAPE, constants)


@pytest.mark.parametrize("name", CASES)
def test_what_moves_more_than_five_axes_is_parted_and_computes_the_same(
    name: str, tmp_path: Path
) -> None:
    model = case(name).model()
    view = network_of(model)
    assert not refusals(view)
    parted = split_high_rank_transposes(view)
    assert max(len(tensor.shape) for op in parted.operations for tensor in op.outputs) <= MAX_AXES
    (got,) = run(view, {"x": IMAGE}, tmp_path / "m.mlpackage")
    np.testing.assert_allclose(got, run_onnx(model, IMAGE), atol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_integers_are_moved_as_they_are(name: str, tmp_path: Path) -> None:
    model = quantized(case(name).model(), IMAGE, edge=None)
    view = network_of(model)
    program = saved(view, tmp_path / "m.mlpackage")
    off = step_by_step(view, model, {"x": IMAGE}, program)
    assert max(levels.max() for levels in off.values()) <= 1


def test_a_transposition_that_something_else_reads_stays_and_is_refused() -> None:
    before, order, after = CASES["every axis elsewhere"]
    body = f"r = Reshape(x, b) t = Transpose<perm={list(order)}>(r) u = Relu(t) y = Reshape(u, n)"
    view = network_of(Case(body, SHAPE, {"b": np.array(before), "n": np.array(after)}).model())
    assert split_high_rank_transposes(view).operations == view.operations
    assert {refusal.kind for refusal in refusals(view)} == {"Reshape", "Transpose", "Relu"}


def test_any_six_axes_are_moved_in_two_steps() -> None:
    x = np.arange(2**6).reshape([2] * 6)
    for order in list(permutations(range(6)))[::37]:
        body = f"r = Reshape(x, b) t = Transpose<perm={list(order)}>(r) y = Reshape(t, n)"
        constants = {"b": np.array(x.shape), "n": np.array([1, 4, 4, 4])}
        parted = split_high_rank_transposes(network_of(Case(body, (1, 4, 4, 4), constants).model()))
        moved = x.reshape(-1)
        for operation in parted.operations:
            moved = moved.reshape(operation.operand(0).shape)
            if operation.kind == "Transpose":
                moved = moved.transpose(operation.attributes["perm"])
        assert np.array_equal(moved.reshape(-1), x.transpose(order).reshape(-1))
