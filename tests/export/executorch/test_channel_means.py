"""Means over channels as convolutions."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.export.executorch.channel_means import channel_means_as_convolutions
from tests.export.executorch.build import noise
from tests.export.tflite.witness import Case, run_onnx


@pytest.mark.parametrize("axis", [1, -3])
def test_a_mean_over_channels_is_a_convolution_that_computes_it(axis: int) -> None:
    case = Case("m = ReduceMean(x, n) y = Sub(x, m)", noise().shape, {"n": np.array([axis])})
    model = ir.from_proto(case.model())
    assert channel_means_as_convolutions(model) == 1
    assert [node.op_type for node in model.graph] == ["Conv", "Sub"]
    wanted = run_onnx(case.model(), noise())
    np.testing.assert_allclose(run_onnx(ir.to_proto(model), noise()), wanted, atol=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        "y = ReduceMean(x, rows)",
        "y = ReduceMean<keepdims=0>(x, channels)",
        "y = ReduceMean(x)",
        "s = Squeeze(x, batch) y = ReduceMean(s, channels)",
        "y = ReduceMax(x, channels)",
    ],
)
def test_other_means_stay(body: str) -> None:
    axes = {"rows": np.array([2]), "channels": np.array([1]), "batch": np.array([0])}
    used = {name: value for name, value in axes.items() if name in body}
    model = ir.from_proto(Case(body, noise().shape, used).model())
    assert channel_means_as_convolutions(model) == 0
    assert "Conv" not in [node.op_type for node in model.graph]
