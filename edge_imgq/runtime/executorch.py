"""ExecuTorch: runs .pte files on this host, in the runtime of its wheel."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import ImageError, UnopenedFileError
from edge_imgq.graph.ports.port_feeds import split_ports
from edge_imgq.images.layout import levels_from_nchw, to_nchw
from edge_imgq.runtime.executorch_file import MAIN, XNNPACK, ProgramFile, quiet, read_program
from edge_imgq.runtime.levels_session import LevelsSession
from edge_imgq.runtime.protocol import Placement, RuntimeIdentity

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ExecuTorchSession(LevelsSession):
    """One .pte file; satisfies `edge_imgq.runtime.protocol.FloatSession`."""

    def __init__(self, path: Path, file: ProgramFile, threads: int) -> None:
        self._path, self.note, self.size = path, file.note, file.size
        self._threads, self._method = threads, _opened(path)
        self._entries = [(name, file.values[name].shape) for name in file.images]
        delegate = XNNPACK if file.partitions else "portable kernels"
        self.identity = RuntimeIdentity("ExecuTorch", version("executorch"), delegate, threads)

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Return the output of an image as levels (H, W, C), neither rounded nor clipped.

        Raises:
            ImageError: the file does not take the image's size.
        """
        self._refuse_other_size((pixels.shape[0], pixels.shape[1]))
        peak = self.note.contract.peak
        result = self._runs_on(to_nchw(pixels, peak))()
        return levels_from_nchw(np.array(result), peak)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a call that runs the file once on a gray image that is in place."""
        self._refuse_other_size(size)
        contract = self.note.contract
        run = self._runs_on(np.full((1, contract.channels, *size), contract.peak / 2, np.float32))

        def call() -> None:
            run()

        return call

    def _runs_on(self, values: NDArray[np.float32]) -> Callable[[], Any]:
        """Return a call that runs the file on a batch of one; its result lives until the next.

        The numbers must lie in the order of their axes: a tensor in another order is taken for one
        in this (see findings/executorch-channels-last.sh).
        """
        import torch

        parts = split_ports(values, self._entries).values()
        images = [torch.from_numpy(np.ascontiguousarray(part)) for part in parts]
        _use_threads(self._threads)

        def run() -> Any:
            return self._method.execute(images)[0]

        return run

    def _refuse_other_size(self, size: tuple[int, int]) -> None:
        if size != self.size and self.size is not None:
            own = f"{self.size[0]}x{self.size[1]}"
            raise ImageError(
                f"{self._path} runs at {own} only, and the image is {size[0]}x{size[1]}. Export "
                f"the model with --size {size[0]}x{size[1]}."
            )


def open_session(path: Path, threads: int = 1) -> ExecuTorchSession:
    """Reopen a file that edge-imgq wrote.

    Args:
        path: of the .pte file.
        threads: processor threads.

    Raises:
        ModelError: it is missing or damaged.
    """
    return ExecuTorchSession(path, read_program(path), threads)


def placement(path: Path) -> Placement:
    """Return which operators of a file XNNPACK computes, and which portable kernels compute.

    Raises:
        ModelError: it is missing or damaged.
    """
    file = read_program(path)
    others = tuple(call.kind for call in file.calls if call.unit != XNNPACK)
    count = len(file.calls)
    return Placement(XNNPACK, count, count - len(others), file.partitions, others)


def _opened(path: Path) -> Any:
    """Return the method of a file that takes an image."""
    with quiet():
        from executorch.runtime import Runtime

        try:
            return Runtime.get().load_program(path).load_method(MAIN)
        except RuntimeError as error:
            raise UnopenedFileError("ExecuTorch", path, str(error)) from error


def _use_threads(threads: int) -> None:
    """Let XNNPACK, whose threads all files of a process share, use so many."""
    with quiet():
        from executorch.extension.pybindings import portable_lib

        if portable_lib._threadpool_get_thread_count() != threads:
            portable_lib._unsafe_reset_threadpool(threads)
