"""Sessions, files and networks for tests of the GPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_imgq.cli.main import main
from edge_imgq.devices.find_device import find_device
from edge_imgq.devices.gpu import device as gpu
from edge_imgq.devices.gpu.device import Driver, GpuDevice, GpuSession
from edge_imgq.runtime.tflite_file import FILE_IDENTIFIER, read_model
from edge_imgq.runtime.tflite_parts import computed_tensors
from tests.conftest import CHECKOUT

DRIVERS = gpu.vulkan_drivers


READY = gpu.look()[0].is_available


needs_gpu = pytest.mark.skipif(not READY, reason=f"not set up: `{gpu.SET_UP}`")


Setting = Callable[..., None]


def stand_in(kind: str, name: str = "a stand-in") -> Driver:
    environment = {"PYTHONPATH": str(CHECKOUT), "EDGE_IMGQ_STAND_IN": kind}
    return Driver(name, environment)


def verified(
    file: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0
) -> dict[str, Any]:
    """Return the report of a file on the GPU."""
    capsys.readouterr()
    assert main(["verify", str(file), "--device", "gpu", "--json", *words]) == code
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def opened(path: Path) -> GpuSession:
    """Open a file on the GPU that there is."""
    device = find_device("gpu")
    assert isinstance(device, GpuDevice)
    session = device.open(path, 1)
    assert isinstance(session, GpuSession)
    return session


def tampered(path: Path, folder: Path) -> tuple[Path, str]:
    """Return a copy of a file with the weights of one operator changed, and that one's output."""
    import flatbuffers

    model = read_model(path)
    graph = model.subgraphs[0]
    wrong = next(
        one for one in computed_tensors(path)[1:] if one.operator in ("CONV_2D", "TRANSPOSE_CONV")
    )
    (operator,) = (op for op in graph.operators if wrong.index in list(op.outputs))
    constants = (graph.tensors[int(i)] for i in operator.inputs if int(i) not in wrong.inputs)
    buffer = next(
        model.buffers[tensor.buffer]
        for tensor in constants
        if tensor.type == 0
        and model.buffers[tensor.buffer].data is not None
        and len(tensor.shape) == 4
    )
    values = np.frombuffer(bytes(buffer.data), np.float32).copy()
    values[: values.size // 4] += np.abs(values).max()
    buffer.data = list(values.tobytes())
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    copy = folder / "tflite-float.tflite"
    copy.write_bytes(bytes(builder.Output()))
    return copy, wrong.name


def noise(session: GpuSession) -> Any:
    shape = (*(session.size or (32, 32)), session.note.contract.channels)
    return np.random.default_rng(2).integers(0, 256, shape, np.uint8)
