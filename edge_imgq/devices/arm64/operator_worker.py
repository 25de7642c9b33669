"""Worker process that runs .tflite files for an emulator that records their operators.

Requests: {"do": "begin"} returns the address ranges "library" and "program"; {"do": "record",
"path", "size"}, with height and width of the input or None for the file's own, runs a file once to
warm up and twice for the record, and returns "runtime" and "size". Each request is answered in a
fork of the process that has just loaded LiteRT, so figures do not depend on the files before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edge_imgq.devices.arm64.operators import LIBRARY
from edge_imgq.devices.instructions import BEGIN_RECORD, END_RECORD, mark
from edge_imgq.errors import ModelError
from edge_imgq.runtime import litert  # noqa: F401 - `open_session` would load it in every fork
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.worker_loop import serve_in_forks


def answer(message: dict[str, Any], array: Any) -> tuple[dict[str, Any], Any]:  # noqa: ARG001
    """Answer one request of the parent process; no arrays are passed.

    Raises:
        ModelError: the file is damaged, or takes any size and none is named.
    """
    if message["do"] == "begin":
        return _address_ranges(), None
    size = tuple(message["size"]) if message["size"] else None
    call, opened = _open(Path(message["path"]), size)
    call()
    mark(BEGIN_RECORD)
    call()
    call()
    mark(END_RECORD)
    return opened, None


def _open(path: Path, size: Any) -> tuple[Callable[[], None], dict[str, Any]]:
    """Return a call that runs a file, and a dict with its runtime and the size that it runs at.

    Raises:
        ModelError: the file takes any size and none was given.
    """
    try:
        session = open_session(path)
    except ModelError:
        return _open_bare(path, size)
    size = size or session.size
    if size is None:
        raise ModelError(f"{path} takes any size; name one.")
    runtime = f"{session.identity.name} {session.identity.version}"
    return session.prepare(size), {"runtime": runtime, "size": size}


def _open_bare(path: Path, size: Any) -> tuple[Callable[[], None], dict[str, Any]]:
    """Do the same for a file without edge-imgq's metadata, with one image input in NHWC."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    (wanted, *_) = interpreter.get_input_details()
    if size and -1 in wanted["shape_signature"]:
        shape = (1, *size, wanted["shape"][-1])
        interpreter.resize_tensor_input(wanted["index"], shape)
    interpreter.allocate_tensors()
    for entry in interpreter.get_input_details():
        middle = 0.5 if entry["dtype"] == np.float32 else 100
        interpreter.set_tensor(entry["index"], np.full(entry["shape"], middle, entry["dtype"]))
    shape = interpreter.get_input_details()[0]["shape"]
    runtime = f"LiteRT {ai_edge_litert.__version__}"
    return interpreter.invoke, {"runtime": runtime, "size": [int(n) for n in shape[1:3]]}


def _address_ranges() -> dict[str, Any]:
    """Return the address at which LiteRT is loaded, and the address range of the Python program."""
    lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]

    def ends(name: str) -> list[int]:
        ranges = [line[0].split("-") for line in lines if line[-1].endswith(f"/{name}")]
        return [int(ranges[0][0], 16), int(ranges[-1][1], 16)]

    return {"library": ends(LIBRARY)[0], "program": ends(Path(sys.executable).resolve().name)}


if __name__ == "__main__":
    serve_in_forks(answer)
