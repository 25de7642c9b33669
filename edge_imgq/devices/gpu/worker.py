"""Worker process that runs a .tflite file in LiteRT's GPU kernels.

Requests: {"do": "open", "path"}; {"do": "run", "in_float32"} with float32 values (1, H, W, C),
answered with the first output; {"do": "tensors", "path", "in_float32"} with the same values,
answered with all outputs of another file, flattened and concatenated, and their "sizes".

With the argument "try" it runs a file of one operator and exits. See
`edge_imgq.devices.gpu.device`.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.options import GpuOptions, Options

from edge_imgq.runtime.worker_loop import serve


class Compiled:
    """A file compiled for the GPU, in float16 or float32."""

    def __init__(self, path: str, in_float32: bool) -> None:
        options = Options(
            # LiteRT does not open part of a file, so the CPU must take the other operators.
            hardware_accelerators=HardwareAccelerator.GPU | HardwareAccelerator.CPU,
            gpu_options=GpuOptions(enforce_f32=in_float32),
        )
        self._model = CompiledModel.from_file(path, options=options)
        self._keys = list(self._model.get_signature_list())

    @property
    def whole(self) -> bool:
        """True if the GPU runs every operator."""
        return bool(self._model.is_fully_accelerated())

    def run(self, values: Any) -> list[Any]:
        """Run the signature with this input shape and return all its outputs, float32, NHWC.

        `values` are one input, float32 (1, H, W, C).

        Raises:
            ValueError: no signature has this input shape.
        """
        shapes = [self._shapes(self._model.get_input_tensor_details(key))[0] for key in self._keys]
        index = shapes.index(values.shape)
        inputs = self._model.create_input_buffers(index)
        outputs = self._model.create_output_buffers(index)
        inputs[0].write(np.ascontiguousarray(values).ravel())
        self._model.run_by_index(index, inputs, outputs)
        _settle()
        result_shapes = self._shapes(self._model.get_output_tensor_details(self._keys[index]))
        pairs = zip(outputs, result_shapes, strict=True)
        return [buffer.read(math.prod(shape), np.float32).reshape(shape) for buffer, shape in pairs]

    def _shapes(self, details: dict[str, Any]) -> list[tuple[int, ...]]:
        return [tuple(int(n) for n in detail["shape"]) for detail in details.values()]


def _settle() -> None:
    """Wait until this process is idle: kernels may still run after a call has returned.

    LiteRT waits up to 120 s for the GPU when an output is read, and then fails; a CPU in its place
    may take longer. While a real GPU computes, the process is idle, and the wait happens on
    reading.
    """
    pause = 0.02
    while True:
        before = time.process_time()
        time.sleep(pause)
        if time.process_time() - before < 0.01 * pause:
            return
        pause = min(2 * pause, 1.0)


class Served:
    """The only file of this process, in both precisions."""

    def __init__(self) -> None:
        self._path = ""
        self._compiled: dict[bool, Compiled] = {}

    def answer(self, message: dict[str, Any], array: Any) -> tuple[dict[str, Any], Any]:
        """Answer one request of the parent process; return a message and an array, or None.

        `message["do"]` is "open" with a "path", which returns whether the GPU runs the "whole"
        file; "tensors" with "path" and "in_float32", which returns all outputs flattened and their
        "sizes"; or "run" with "in_float32", which returns the first output. Inputs are float32 (1,
        H, W, C).
        """
        if message["do"] == "open":
            self._path = message["path"]
            return {"whole": self._in(False).whole}, None
        if message["do"] == "tensors":
            outputs = Compiled(message["path"], message["in_float32"]).run(array)
            flat = np.concatenate([values.ravel() for values in outputs])
            return {"sizes": [values.size for values in outputs]}, flat
        return {}, self._in(message["in_float32"]).run(array)[0]

    def _in(self, in_float32: bool) -> Compiled:
        if in_float32 not in self._compiled:
            self._compiled[in_float32] = Compiled(self._path, in_float32)
        return self._compiled[in_float32]


def _try() -> None:
    """Run a file of one operator; exit with an error unless the GPU runs it correctly."""
    values = np.linspace(-4, 4, 4 * 4 * 4, dtype=np.float32).reshape(1, 4, 4, 4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.tflite"
        path.write_bytes(_one_operator())
        compiled = Compiled(str(path), in_float32=True)
        error = np.abs(compiled.run(values)[0] - 1 / (1 + np.exp(-values))).max()
    if not (compiled.whole and error < 1e-5):
        sys.exit(f"LiteRT's GPU kernels are off by {error:.2g} in one operator")


def _one_operator() -> bytes:
    """Return a .tflite file with a logistic function of a float32 (1, 4, 4, 4) tensor."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def filled(made: Any, **fields: Any) -> Any:
        for name, value in fields.items():
            setattr(made, name, value)
        return made

    code = schema.BuiltinOperator.LOGISTIC
    tensors = [filled(schema.TensorT(), name=n, shape=[1, 4, 4, 4], buffer=0) for n in ("x", "y")]
    operator = filled(schema.OperatorT(), opcodeIndex=0, inputs=[0], outputs=[1])
    graph = filled(
        schema.SubGraphT(), tensors=tensors, inputs=[0], outputs=[1], operators=[operator]
    )
    kind = filled(schema.OperatorCodeT(), builtinCode=code, deprecatedBuiltinCode=code, version=1)
    model = filled(
        schema.ModelT(), version=3, operatorCodes=[kind], subgraphs=[graph],
        buffers=[schema.BufferT()],
    )  # fmt: skip
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


if __name__ == "__main__":
    if sys.argv[1:] == ["try"]:
        _try()
    else:
        serve(Served().answer)
