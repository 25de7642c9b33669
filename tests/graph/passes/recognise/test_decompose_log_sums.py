"""Logarithms of sums, and norms by name, are sums and norms."""

from __future__ import annotations

import numpy as np

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run
from tests.graph.passes.build import assert_same

SIZE = "8,10"


AXES = {"a": np.array([1], np.int64)}


def test_powers_of_large_numbers_do_not_overflow() -> None:
    for body in ("out = ReduceLogSumExp(far, a)", "out = LogSoftmax<axis=1>(far)"):
        used = AXES if "a)" in body else {}
        assert_same(f"far = Mul(image, k) {body}", {"k": np.float32(100), **used})


def test_a_vector_of_zeros_stays_one_when_it_is_divided_by_its_norm() -> None:
    model = parsed("z = Mul(image, k) out = LpNormalization<axis=1>(z)", {"k": np.float32(0)}, SIZE)
    image = np.ones((1, 6, 8, 10), np.float32)
    assert not run(rewrite(model, ["canonical"]), image).any()


def test_other_powers_of_a_norm_are_left() -> None:
    model = parsed("out = GlobalLpPool<p=3>(image)", {}, SIZE)
    assert [node.op_type for node in rewrite(model, ["canonical"]).graph] == ["GlobalLpPool"]
