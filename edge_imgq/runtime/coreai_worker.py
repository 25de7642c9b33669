"""Runs a Core AI file in a process of its own; see `edge_imgq.runtime.coreai`.

Questions: {"do": "open", "path"}; {"do": "run"} with float32 (1, C, H, W) levels, answered with
those of the result; {"do": "again"}, which runs the file on the image before.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import numpy as np
from coreai.authoring import AIModelAsset
from coreai.runtime import AIModel, NDArray

from edge_imgq.runtime.coreai_file import MAIN
from edge_imgq.runtime.worker_loop import serve


class Served:
    """The one file of this process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._function: Any = None
        self._inputs: dict[str, Any] = {}

    def answer(self, message: dict[str, Any], array: Any) -> tuple[dict[str, Any], Any]:
        """Answer one question."""
        if message["do"] == "open":
            self._function = self._loop.run_until_complete(_opened(message["path"]))
            return {}, None
        if message["do"] == "run":
            (name,) = self._function.desc.input_names
            self._inputs = {name: NDArray(np.array(array))}
        (result,) = self._loop.run_until_complete(self._function(self._inputs)).values()
        return {}, None if message["do"] == "again" else np.array(result.numpy())


async def _opened(path: str) -> Any:
    """Return the function of a file; on a Mac Core AI chooses the units that run it.

    Elsewhere an asset can be run only while its context is open: here that is never left.
    """
    if sys.platform == "darwin":
        return (await AIModel.load(path)).load_function(MAIN)
    model = await AIModelAsset.load(path).executable().__aenter__()
    return model.load_function(MAIN)


if __name__ == "__main__":
    serve(Served().answer)
    # Threads of Core AI that outlive the interpreter abort the process.
    os._exit(0)
