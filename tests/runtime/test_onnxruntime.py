"""ONNX Runtime as the reference, where a model does not hold what its inputs say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.runtime.onnxruntime import inference_session
from tests.graph.build import parsed


def test_a_model_of_open_size_that_works_at_one_is_explained() -> None:
    model = parsed("out = Add(image, t)", {"t": np.zeros((1, 3, 8, 10), np.float32)}, "h,w", 3)
    assert isinstance(model, ir.Model)
    assert observe_channels(model, [np.zeros((8, 10, 3), np.uint8)], 1.0)
    with pytest.raises(ModelError, match=r"shape 1x3x12x10:.*height and width fixed"):
        observe_channels(model, [np.zeros((12, 10, 3), np.uint8)], 1.0)


def test_onnx_runtime_keeps_no_record_of_what_is_run(tmp_path: Path) -> None:
    """Its wheels would, from their import on, at home and in the folder for temporary files."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    for folder in (home, temporary):
        folder.mkdir()
    code = "import edge_imgq.runtime.onnxruntime"
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    places = {"HOME": str(home), "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(home / "cache")}
    subprocess.run([sys.executable, "-c", code], check=True, env={**environment, **places})
    assert not [path for path in tmp_path.rglob("*") if path not in (home, temporary)]


def test_a_session_pools_the_zeros_that_a_pad_adds() -> None:
    """ONNX Runtime's default ignores them, as a MaxPool does its own padding."""
    pads = {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
    body = "p = Pad(image, pads) out = MaxPool <kernel_shape = [3, 3]> (p)"
    data = ir.to_proto(parsed(body, pads, "6,8", 1)).SerializeToString()
    dark = np.full((1, 1, 6, 8), -1, np.float32)
    pooled = inference_session(data).run(None, {"image": dark})[0]
    assert pooled[0, 0, 0].max() == pooled[0, 0, 0].min() == 0
    assert pooled[0, 0, 1:-1, 1:-1].max() == -1
