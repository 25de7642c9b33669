"""Runtime session of Core AI: runs `.aimodel` files in a worker process.

Core AI ends its process on errors (its Swift code is compiled without exceptions), and processes
that ran a file sometimes abort at exit. The worker keeps both away from the calling process.
"""

from __future__ import annotations

import platform
import sys
import weakref
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import DeviceError, UnopenedFileError
from edge_imgq.images.layout import levels_from_nchw
from edge_imgq.runtime.coreai_file import Asset, open_asset
from edge_imgq.runtime.levels_session import LevelsSession
from edge_imgq.runtime.protocol import RuntimeIdentity
from edge_imgq.runtime.worker import Worker

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORKER = "edge_imgq.runtime.coreai_worker"

LEVELS = 255.0
"""Peak of image inputs and outputs: integer levels."""


class CoreAiSession(LevelsSession):
    """An .aimodel folder in a worker process; implements `edge_imgq.runtime.protocol.FloatSession`.

    Core AI for Linux computes in the program's types. It is slow, so its times say nothing of a
    device.
    """

    resizable = False

    def __init__(self, asset: Asset) -> None:
        self.note = asset.note
        self.size: tuple[int, int] = asset.size
        self._path, is_mac = asset.path, sys.platform == "darwin"
        self.identity = RuntimeIdentity(
            name="Core AI",
            version=f"macOS {platform.mac_ver()[0]}" if is_mac else version("coreai-core"),
            delegate="all units" if is_mac else "processor, without a device's kernels",
            threads=0,
            is_device_runtime=is_mac,
        )
        # Core AI compiles a file into a folder for temporary ones, which it may not live to remove.
        scratch = TemporaryDirectory(prefix="edge-imgq-coreai-")
        command = [sys.executable, "-m", WORKER]
        self._worker = Worker("Core AI", command, {"TMPDIR": scratch.name})
        weakref.finalize(self, _end, self._worker, scratch)
        try:
            self._worker.ask({"do": "open", "path": str(asset.path.absolute())})
        except DeviceError as error:
            raise UnopenedFileError("Core AI", asset.path, str(error)) from error

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Run the file; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 is black and 255 white. `pixels` are (H, W, C) levels, uint8 or float64, of the file's
        size; several inputs are concatenated along C.

        Raises:
            ImageError: the file has another size.
            DeviceError: Core AI fails on the image.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        self.refuse_other_size(self._path, (pixels.shape[0], pixels.shape[1]))
        _, result = self._worker.ask({"do": "run"}, _planes(pixels))
        contract = self.note.contract
        return levels_from_nchw(result, LEVELS if contract.returns_image else contract.peak)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a callable that runs the file once on a preloaded gray image, for timing.

        One run precedes the return. The callable's time includes a short message to the worker
        process.

        Args:
            size: (height, width) of the image in pixels.

        Raises:
            ImageError: the file has another size.
            DeviceError: Core AI fails on the image.
        """
        self.refuse_other_size(self._path, size)
        gray = np.full((*size, self.note.contract.channels), 128, np.uint8)
        self._worker.ask({"do": "run"}, _planes(gray))

        def call() -> None:
            self._worker.ask({"do": "again"})

        return call


def _end(worker: Worker, scratch: TemporaryDirectory[str]) -> None:
    worker.close()
    scratch.cleanup()


def open_session(path: Path, threads: int = 1) -> CoreAiSession:  # noqa: ARG001 - Core AI's own
    """Load an .aimodel folder that edge-imgq wrote, in a worker process of its own.

    Args:
        path: the .aimodel folder.
        threads: ignored; Core AI chooses.

    Raises:
        ModelError: the file is missing, damaged or not written by edge-imgq, or Core AI does not
            open it.
    """
    return CoreAiSession(open_asset(path))


def _planes(pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float32]:
    """Convert pixels (H, W, C) to float32 levels (1, C, H, W)."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis], np.float32)
