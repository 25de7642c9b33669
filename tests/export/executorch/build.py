"""Graphs as ExecuTorch's exporter gets them, in torch and in ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import torch

from edge_imgq.export.executorch.program import TorchProgram
from tests.export.tflite.witness import Case, run_onnx

SHAPE = (1, 6, 8, 10)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, shape or SHAPE).astype(np.float32)


def program_of(model: onnx.ModelProto) -> TorchProgram:
    return TorchProgram(ir.from_proto(model)).eval()


def in_torch(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return program_of(model)(torch.from_numpy(image)).numpy()


def assert_as_onnx_runtime(body: str, image: np.ndarray | None = None, **constants: Any) -> None:
    """Assert that torch computes what ONNX Runtime does, of noise or of an image."""
    values = noise() if image is None else image
    model = Case(body, values.shape, constants).model()
    result, wanted = in_torch(model, values), run_onnx(model, values)
    assert result.shape == wanted.shape
    np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-6)
