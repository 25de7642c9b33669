"""Drivers that tests of the GPU may have, and a network that leaves float16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from edge_imgq.cli.main import main
from edge_imgq.devices.gpu import device as gpu
from tests.devices.gpu.build import DRIVERS, Setting, stand_in


@pytest.fixture
def drivers(monkeypatch: pytest.MonkeyPatch) -> Setting:
    """Return what lets stand-ins be this machine's drivers."""

    def take(*kinds: str) -> None:
        found = tuple(stand_in(kind, f"driver {kind}") for kind in kinds)
        monkeypatch.setattr(gpu, "WORKER", "tests.devices.gpu.stand_in")
        monkeypatch.setattr(gpu, "missing_kernels", lambda: None)
        monkeypatch.setattr(gpu, "vulkan_drivers", lambda: found)

    return take


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the float file of a network whose second node leaves float16, and comes back."""
    folder = tmp_path_factory.mktemp("loud")
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["" : 21]>
        loud (float[1, 3, H, W] image) => (float[1, 3, H, W] out)
        <float by = {1000000.0}, float back = {0.001}> {
          [calm] calm = Conv <pads = [1, 1, 1, 1]> (image, w)
          [shouting] shout = Mul(calm, by)
          [root] root = Sqrt(shout)
          [back] out = Mul(root, back)
        }"""
    )
    ninths = np.zeros((3, 3, 3, 3), np.float32)
    ninths[range(3), range(3)] = 1 / 9
    model.graph.initializer.append(onnx.numpy_helper.from_array(ninths, "w"))
    onnx.save(model, folder / "loud.onnx")
    words = ["export", str(folder / "loud.onnx"), "--target", "tflite-float", "--size", "32x40"]
    main([*words, "--no-bench", "--output", str(folder), "--json"])
    return folder / "loud" / "tflite-float.tflite"


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test have the drivers of this machine, which others do not see."""
    monkeypatch.setattr(gpu, "vulkan_drivers", DRIVERS)
