"""A stand-in for LiteRT's GPU kernels: the worker's questions, LiteRT's log, a processor's values.

In float16 every output is rounded to it. `EDGE_IMGQ_STAND_IN` says what it is or does: "gpu" for a
GPU, "processor", "nothing" for a driver that finds none, "crash" for one that ends the process,
"part" for one that refuses operators, "wrong" for one that takes the largest constant for zero.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge_imgq.runtime.worker_loop import serve

KIND = os.environ.get("EDGE_IMGQ_STAND_IN", "")

ADAPTERS = {
    "gpu": "Mali-G715, arch=valhall, vendor=arm, backend=Vulkan, adapterType=Integrated GPU",
    "nothing": "",
}
PROCESSOR = (
    "llvmpipe (LLVM 15.0.6, 256 bits), arch=software, vendor=mesa, backend=Vulkan, "
    "adapterType=CPU / Software"
)
REFUSALS = """\
ERROR: Following operations are not supported by GPU delegate:
RESHAPE: Tensor dimensions must be less than 5. u
TRANSPOSE: Permutation for transpose is invalid.
7 operations will run on the GPU, and the remaining 5 operations will run on the CPU.
"""


def run(path: str, values: Any, in_float32: bool) -> list[Any]:
    """Return all outputs of a file."""
    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    content = Path(path).read_bytes()
    if KIND == "wrong":
        content = with_wrong_weights(content)
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    found = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
    if in_float32:
        return found
    with np.errstate(over="ignore"):
        return [values.astype(np.float16).astype(np.float32) for values in found]


def with_wrong_weights(content: bytes) -> bytes:
    """Return a file whose largest constant is zero."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    largest = max(model.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data))
    largest.data = [0] * len(largest.data)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class Served:
    """The one file of this process."""

    def __init__(self) -> None:
        self._path = ""

    def answer(self, message: dict[str, Any], array: Any) -> tuple[dict[str, Any], Any]:
        """Answer one question; see `edge_imgq.devices.gpu.worker`."""
        if message["do"] == "open":
            self._path = message["path"]
            return {"whole": self._open()}, None
        if KIND == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        path = message.get("path", self._path)
        found = run(path, array, message["in_float32"])
        if message["do"] == "tensors":
            flat = np.concatenate([values.ravel() for values in found])
            return {"sizes": [values.size for values in found]}, flat
        return {}, found[0]

    def _open(self) -> bool:
        adapter = ADAPTERS.get(KIND, PROCESSOR)
        if not adapter:
            raise RuntimeError("no adapters found")
        sys.stderr.write(f"I0000 environment.cc:532] Selected adapter: {adapter}\n")
        sys.stderr.write(REFUSALS if KIND == "part" else "")
        sys.stderr.write(
            "I0000 delegate_kernel.cc:984] Initializing WebGPU-based API from graph.\n"
        )
        sys.stderr.flush()
        return KIND != "part"


if __name__ == "__main__":
    serve(Served().answer)
