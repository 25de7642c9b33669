"""Statistics that are rounded in int8 stay within float16."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_imgq.export.coreml.rounded_statistics import ROUNDED, gather_rounding
from tests.export.coreml.witness import run, scale_invariant
from tests.export.tflite.witness import Case, network_of, quantized, run_onnx
from tests.random_networks.build import rewritten


def test_a_flat_channel_in_int8_stays_within_float16(tmp_path: Path) -> None:
    constants = {"c0": np.full(4, 1.5, np.float32), "c1": np.zeros(4, np.float32)}
    case = Case("v1 = InstanceNormalization(x, c0, c1) y = Relu(v1)", (1, 4, 12, 16), constants)
    values = np.random.default_rng(6).standard_normal(case.shape).astype(np.float32)
    values[:, 0] = 0.5  # its factor is 1.5 / sqrt(1e-5), in steps of 1/256
    model = quantized(rewritten(case.model(), ["canonical"]), values)
    view = network_of(model)
    assert ROUNDED in [operation.kind for operation in gather_rounding(view).operations]
    wanted = scale_invariant(view.outputs[0], run_onnx(model, values))
    (got,) = run(view, {"x": values}, tmp_path / "m.mlpackage")
    assert np.abs(got - wanted).max() <= 1
    assert wanted[:, 1:].std() > 10
