"""Core AI: runs `.aimodel` files on this host, in a process of its own.

What Core AI does not like ends its process (its Swift code is compiled without exceptions), and
processes that ran a file abort now and then while they end. Neither may happen to a command.
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
"""Peak of the images that files take and return: whole levels."""


class CoreAiSession(LevelsSession):
    """One file; satisfies `edge_imgq.runtime.protocol.FloatSession`.

    Core AI for Linux computes in the types that the program states, slowly: it checks values.
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
        """Return the output of an image as levels (H, W, C), neither rounded nor clipped.

        Raises:
            ImageError: the file does not take the image's size.
            DeviceError: Core AI does not run it on the image.
        """
        self.refuse_other_size(self._path, (pixels.shape[0], pixels.shape[1]))
        _, result = self._worker.ask({"do": "run"}, _planes(pixels))
        contract = self.note.contract
        return levels_from_nchw(result, LEVELS if contract.returns_image else contract.peak)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a call that runs the file once on a gray image that is in place."""
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
    """Reopen a file that edge-imgq wrote.

    Args:
        path: of the file.
        threads: Core AI chooses its own.

    Raises:
        ModelError: it is missing or damaged, or Core AI does not open it.
    """
    return CoreAiSession(open_asset(path))


def _planes(pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float32]:
    """Return pixels as (1, C, H, W) levels."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis], np.float32)
