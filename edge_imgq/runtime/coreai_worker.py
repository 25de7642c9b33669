"""Worker process that runs a Core AI file; see `edge_imgq.runtime.coreai`.

Requests: {"do": "open", "path"}; {"do": "run"} with float32 levels (1, C, H, W), answered with
those of the result; {"do": "again"}, which repeats the last run.
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
    """The file of this process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._function: Any = None
        self._inputs: dict[str, Any] = {}

    def answer(self, message: dict[str, Any], array: Any) -> tuple[dict[str, Any], Any]:
        """Answer one request of the calling process and return (answer, array).

        `message["do"]` is "open" with a "path", "run" with float32 levels (1, C, H, W) in 0 … 255
        as array, or "again" for the last input. The answer is empty. Only "run" returns an array,
        the output (1, C, H, W) in the file's values; otherwise it is None. Core AI's exceptions
        pass.
        """
        if message["do"] == "open":
            self._function = self._loop.run_until_complete(_opened(message["path"]))
            return {}, None
        if message["do"] == "run":
            (name,) = self._function.desc.input_names
            self._inputs = {name: NDArray(np.array(array))}
        (result,) = self._loop.run_until_complete(self._function(self._inputs)).values()
        return {}, None if message["do"] == "again" else np.array(result.numpy())


async def _opened(path: str) -> Any:
    """Load the function of a file; on a Mac, Core AI chooses the compute units.

    Elsewhere an asset runs only inside its context manager, which is therefore never exited.
    """
    if sys.platform == "darwin":
        return (await AIModel.load(path)).load_function(MAIN)
    model = await AIModelAsset.load(path).executable().__aenter__()
    return model.load_function(MAIN)


if __name__ == "__main__":
    serve(Served().answer)
    # Threads of Core AI that outlive the interpreter abort the process.
    os._exit(0)
