"""All phases together: what one pass leaves is what another looks for."""

from __future__ import annotations

import numpy as np

from tests.graph.passes.build import check_form, numbers


def test_a_mean_whose_axes_come_back_keeps_them() -> None:
    body = "m = ReduceMean<keepdims=0>(image, a) s = Mul(m, two) u = Reshape(s, n)"
    constants = {"a": numbers(2, 3), "two": np.float32(2), "n": numbers(1, 6, 1, 1)}
    check_form(f"{body} out = Sub(image, u)", constants, ["ReduceMean", "Mul", "Sub"])
