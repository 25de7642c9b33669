"""Runtime session of ExecuTorch: runs .pte files in the runtime of its wheel."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import UnopenedFileError
from edge_imgq.graph.ports.port_feeds import split_ports
from edge_imgq.images.layout import levels_from_nchw, to_nchw
from edge_imgq.images.port_results import joined_results
from edge_imgq.runtime.executorch_file import MAIN, XNNPACK, ProgramFile, quiet, read_program
from edge_imgq.runtime.levels_session import LevelsSession
from edge_imgq.runtime.protocol import Placement, RuntimeIdentity

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ExecuTorchSession(LevelsSession):
    """One .pte file; implements `edge_imgq.runtime.protocol.FloatSession`."""

    def __init__(self, path: Path, file: ProgramFile, threads: int) -> None:
        self._path, self.note, self.size = path, file.note, file.size
        self._threads, self._loaded_at = threads, -1
        self._program: Any = None  # kept, since it owns the memory of its method
        self._method = self._ready()
        self._entries = [(name, file.values[name].shape) for name in file.images]
        delegate = XNNPACK if file.partitions else "portable kernels"
        self.identity = RuntimeIdentity("ExecuTorch", version("executorch"), delegate, threads)

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Run the file; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 is black and 255 white. `pixels` are (H, W, C) levels, uint8 or float64, of the file's
        size; several inputs and outputs are concatenated along C.

        Raises:
            ImageError: the file has another size.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        self.refuse_other_size(self._path, (pixels.shape[0], pixels.shape[1]))
        peak = self.note.contract.peak
        results = [np.array(result) for result in self._runs_on(to_nchw(pixels, peak))()]
        return levels_from_nchw(joined_results(results), peak)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a callable that runs the file once on a preloaded gray image, for timing.

        Args:
            size: (height, width) of the image in pixels.

        Raises:
            ImageError: the file has another size.
        """
        self.refuse_other_size(self._path, size)
        contract = self.note.contract
        run = self._runs_on(np.full((1, contract.channels, *size), contract.peak / 2, np.float32))

        def call() -> None:
            run()

        return call

    def _runs_on(self, values: NDArray[np.float32]) -> Callable[[], Any]:
        """Return a callable that runs the file on (1, C, H, W) and returns the list of its outputs.

        The outputs are valid until the next run.

        Inputs are made contiguous: the runtime ignores the strides of a tensor (see
        findings/executorch-channels-last.sh).
        """
        import torch

        arrays = split_ports(values, self._entries).values()
        images = [torch.from_numpy(np.ascontiguousarray(image)) for image in arrays]

        def run() -> Any:
            return self._ready().execute(images)

        return run

    def _ready(self) -> Any:
        """Return the method, reloaded if the thread pool has changed."""
        POOL.use(self._threads)
        if self._loaded_at != POOL.resets:
            self._program, self._method = _loaded(self._path)
            self._loaded_at = POOL.resets
        return self._method


def open_session(path: Path, threads: int = 1) -> ExecuTorchSession:
    """Load a .pte file that edge-imgq wrote.

    XNNPACK's thread pool is one for the process: running a session sets its number of threads.

    Args:
        path: the .pte file.
        threads: number of CPU threads.

    Raises:
        ModelError: the file is missing, damaged, or not written by edge-imgq.
        RuntimeUnavailableError: ExecuTorch is not installed.
    """
    return ExecuTorchSession(path, read_program(path), threads)


def placement(path: Path) -> Placement:
    """Report which operators of a .pte file XNNPACK runs, and which run in portable kernels.

    The file is read, not run: the choice was made when it was written.

    Raises:
        ModelError: the file is missing, damaged, or not written by edge-imgq.
        RuntimeUnavailableError: ExecuTorch is not installed.
    """
    file = read_program(path)
    others = tuple(call.kind for call in file.calls if call.unit != XNNPACK)
    count = len(file.calls)
    return Placement(XNNPACK, count, count - len(others), file.partitions, others)


def _loaded(path: Path) -> tuple[Any, Any]:
    """Load a file in ExecuTorch's runtime; return its program and the program's method.

    Raises:
        UnopenedFileError: ExecuTorch does not load it.
    """
    with quiet():
        from executorch.runtime import Runtime

        try:
            program = Runtime.get().load_program(path)
            return program, program.load_method(MAIN)
        except RuntimeError as error:
            raise UnopenedFileError("ExecuTorch", path, str(error)) from error


class _Pool:
    """XNNPACK's thread pool, which all files of a process share.

    A method keeps the address of the pool that existed when it was loaded, and changing the number
    of threads replaces the pool. Methods loaded earlier must not run afterwards.

    Attributes:
        threads: number of threads; 0 if not set yet.
        resets: how often the pool was replaced.
    """

    def __init__(self) -> None:
        self.threads = self.resets = 0

    def use(self, threads: int) -> None:
        """Set the number of threads; a change replaces the pool, so that methods are reloaded."""
        if threads == self.threads:
            return
        with quiet():
            from executorch.extension.pybindings import portable_lib

            portable_lib._unsafe_reset_threadpool(threads)
        self.threads = threads
        self.resets += 1


POOL = _Pool()
"""The pool of this process, because ExecuTorch has one per process."""
