"""Runs files compiled for a Qualcomm NPU in Qualcomm's emulator on this host.

LiteRT's compiler appends a QNN context to a file. ONNX Runtime opens such a context as a node of
type EPContext, and its QNN provider runs it in the emulator: the same bytes that a phone runs.
Other vendors publish no emulator.
"""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.chips import QUALCOMM
from edge_imgq.devices.hexagon.device import SOCS, WORKER, look
from edge_imgq.devices.warmup_call import on_gray
from edge_imgq.errors import DeviceError, ImageError, ModelError, RuntimeUnavailableError
from edge_imgq.runtime.npu_file import Dispatch, compiled_for, placement, whole_dispatch
from edge_imgq.runtime.protocol import RuntimeIdentity
from edge_imgq.runtime.tflite_file import read_note
from edge_imgq.runtime.worker import Worker

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

    from edge_imgq.chips import Chip


class EmulatedNpuSession:
    """One compiled file; implements `edge_imgq.runtime.protocol.Session`."""

    resizable = False

    def __init__(self, path: Path, chip: Chip, dispatch: Dispatch) -> None:
        self.note = read_note(path)
        self._path, self._shape = path, dispatch.input_shape
        self.size = (dispatch.input_shape[1], dispatch.input_shape[2])
        self.sizes = (self.size,)
        self._worker = Worker("Qualcomm's emulator", [sys.executable, "-m", WORKER])
        weakref.finalize(self, self._worker.close)
        answer, _ = self._worker.ask(_question(chip), np.frombuffer(_model(dispatch), np.uint8))
        if answer["refused"]:
            raise DeviceError(f"Qualcomm's emulator cannot run {path.name}.")
        self.identity = RuntimeIdentity(
            "ONNX Runtime QNN",
            answer["version"],
            f"NPU of {chip.name}, emulated",
            threads=0,
            is_device_runtime=False,
        )

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Run the file in the emulator; return its output, uint8 (H × scale, W × scale, C).

        The emulator runs the compiled bytes that a phone runs, in the NPU's integer arithmetic.
        Whether a phone's output is the same to the bit was not tested: that needs the phone.

        Args:
            pixels: uint8 (H, W, C) of the compiled size.

        Raises:
            ImageError: the size or number of channels is not that for which the file was compiled.
            DeviceError: the emulator ended.
        """
        if pixels.shape != self._shape[1:]:
            raise ImageError(
                f"{self._path} takes images of {self._shape[1:]} alone, not {pixels.shape}."
            )
        _, values = self._worker.ask({"do": "run"}, pixels[np.newaxis])
        image: NDArray[uint8] = values[0]
        return image

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a function that runs the file once on a gray image of (height, width) pixels.

        It raises what `run` raises. Its time is meaningless.
        """
        return on_gray(self, size)


def open_session(path: Path) -> EmulatedNpuSession:
    """Open a TFLite file that is compiled for a Qualcomm NPU in Qualcomm's emulator of it.

    Raises:
        ModelError: the file is damaged, or not compiled.
        RuntimeUnavailableError: there is no emulator of the NPU here, or the file also needs a CPU.
        DeviceError: the emulator does not open it.
    """
    chip = compiled_for(path)
    if chip is None:
        raise ModelError(f"{path} is not compiled for an NPU.")
    if chip.vendor is not QUALCOMM:
        raise RuntimeUnavailableError(
            f"{path.name} is compiled for the NPU of {chip}, which nothing here emulates: "
            "only a phone can tell its values."
        )
    presence = look()[0]
    if not presence.is_available:
        raise RuntimeUnavailableError(
            f"{path.name} is compiled for the NPU of {chip}, and Qualcomm's emulator of it is not "
            f"here: {presence.reason}."
        )
    dispatch = whole_dispatch(path)
    if dispatch is None:
        share = placement(path)
        raise RuntimeUnavailableError(
            f"{share.unit} takes {share.delegated} of {share.operators} operators of {path.name}, "
            f"not {', '.join(dict.fromkeys(share.fallback))}. The emulator runs what an NPU takes "
            "whole; only a phone can tell the values of this file."
        )
    return EmulatedNpuSession(path, chip, dispatch)


def _question(chip: Chip) -> dict[str, object]:
    """Return the worker's request to open a context, with QNN's numbers of the chip if known."""
    soc = SOCS.get(chip.slug)
    numbers = {} if soc is None else {"soc_model": soc.soc_model, "arch": soc.arch}
    return {"do": "open", **numbers}


def _model(dispatch: Dispatch) -> bytes:
    """Return an ONNX model, serialised, with one node that holds the context."""
    from onnx import TensorProto, helper

    source, result = (_as_qnn_names(name) for name in (dispatch.source, dispatch.result))
    node = helper.make_node(
        "EPContext",
        [source],
        [result],
        name=dispatch.name,
        domain="com.microsoft",
        main_context=1,
        embed_mode=1,
        ep_cache_context=dispatch.bytecode,
        source="QNNExecutionProvider",
        partition_name=dispatch.name,
    )
    graph = helper.make_graph(
        [node],
        "npu",
        [helper.make_tensor_value_info(source, TensorProto.UINT8, dispatch.input_shape)],
        [helper.make_tensor_value_info(result, TensorProto.UINT8, dispatch.output_shape)],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    data: bytes = model.SerializeToString()
    return data


def _as_qnn_names(name: str) -> str:
    """Convert a tensor name to the one that LiteRT's plugin uses in the context."""
    return re.sub(r"[^A-Za-z0-9]", "_", name)
