"""Runtime session of ncnn: runs .param and .bin files with ncnn's default options."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import ModelError, UnopenedFileError
from edge_imgq.graph.ports.port_feeds import Entry, split_ports
from edge_imgq.images.layout import levels_from_nchw, to_nchw
from edge_imgq.images.port_results import joined_results
from edge_imgq.native_output import without_lines
from edge_imgq.runtime.levels_session import LevelsSession
from edge_imgq.runtime.ncnn_file import (
    IMAGE,
    WEIGHTS,
    ParamAndBin,
    input_blobs,
    output_blobs,
    read_pair,
)
from edge_imgq.runtime.protocol import RuntimeIdentity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract

FLOAT16 = "float16 weights; this processor multiplies in float32, phones in float16"


class NcnnSession(LevelsSession):
    """A .param and .bin pair; implements `edge_imgq.runtime.protocol.FloatSession`.

    Phones compute a float16 file in float16. ncnn for x86 computes it in float32, except inner
    products, whose weights it rounds.
    """

    def __init__(self, path: Path, pair: ParamAndBin, threads: int) -> None:
        self._path, self.note, self.size = path, pair.note, pair.size
        self._net = _opened(path, threads)
        in_integers = any(line.in_integers for line in pair.lines)
        delegate = FLOAT16 if pair.computes_in_float16 else "int8" if in_integers else "float32"
        self.identity = RuntimeIdentity("ncnn", version("ncnn"), delegate, threads)

    @property
    def resizable(self) -> bool:
        """True if the files run at other heights and widths: no layer states one."""
        return self.note.resizable

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Run the files; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 is black and 255 white. `pixels` are (H, W, C) levels, uint8 or float64; several
        inputs and outputs are concatenated along C.

        Raises:
            ImageError: the files have another size.
            ModelError: ncnn fails on the image.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        self.refuse_other_size(self._path, (pixels.shape[0], pixels.shape[1]))
        peak = self.note.contract.peak
        results = self._run(_blobs(to_nchw(pixels, peak), self.note.contract))
        arrays = [np.asarray(result)[np.newaxis] for result in results]
        return levels_from_nchw(joined_results(arrays), peak)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a callable that runs the files once on a preloaded gray image, for timing.

        Args:
            size: (height, width) of the image in pixels.

        Raises:
            ImageError: the files have another size.
        """
        self.refuse_other_size(self._path, size)
        contract = self.note.contract
        batch = np.full((1, contract.channels, *size), contract.peak / 2, np.float32)
        gray = _blobs(batch, contract)

        def call() -> None:
            self._run(gray)

        return call

    def _run(self, blobs: dict[str, Any]) -> list[Any]:
        """Run the files; return every output as an ncnn.Mat, in the contract's order."""
        extractor = self._net.create_extractor()
        for name, planes in blobs.items():
            extractor.input(name, planes)
        results = []
        for name in output_blobs(self.note.contract):
            code, result = extractor.extract(name)
            if code:
                raise ModelError(f"ncnn does not run {self._path}: its code is {code}.")
            results.append(result)
        return results


class LargestNumbers:
    """Largest magnitude of each blob (tensor) of a pair, for images of the file's size.

    Args:
        path: the .param file.
        peak: float value of white.

    Raises:
        ModelError: one of the files is missing or damaged.
    """

    def __init__(self, path: Path, peak: float) -> None:
        self._net, self._peak, pair = _opened(path, threads=1), peak, read_pair(path)
        self._contract = pair.note.contract
        self._blobs = [blob for line in pair.lines for blob in line.outputs]

    def __call__(self, pixels: NDArray[np.uint8]) -> dict[str, float]:
        """Run the file on uint8 (H, W, C); return the magnitudes by blob name, in layer order."""
        extractor = self._net.create_extractor()
        extractor.set_light_mode(False)
        for name, planes in _blobs(to_nchw(pixels, self._peak), self._contract).items():
            extractor.input(name, planes)
        largest = {}
        for blob in self._blobs:
            values = np.asarray(extractor.extract(blob)[1])
            largest[blob] = float(max(values.max(), -values.min()))
        return largest


def _blobs(batch: NDArray[np.float32], contract: ImageContract) -> dict[str, Any]:
    """Split an image and further inputs (1, C, H, W) into input blobs."""
    height, width = batch.shape[2:]
    entries: list[Entry] = [(IMAGE, (1, contract.image_channels, height, width))]
    for name, port in zip(input_blobs(contract)[1:], contract.further, strict=True):
        sides = (height // port.downscale, width // port.downscale)
        sides = (1, 1) if port.kind == "vector" else sides
        entries.append((name, (1, port.channels, *sides)))
    return {name: _planes(array[0]) for name, array in split_ports(batch, entries).items()}


def open_session(path: Path, threads: int = 1) -> NcnnSession:
    """Load a pair of ncnn files that edge-imgq wrote.

    Args:
        path: the .param file; the .bin file is beside it.
        threads: number of CPU threads.

    Raises:
        ModelError: a file is missing, damaged or not written by edge-imgq, or ncnn does not open
            it.
    """
    return NcnnSession(path, read_pair(path), threads)


def _opened(path: Path, threads: int) -> Any:
    """Load both files in ncnn; its output on standard error is suppressed."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    with without_lines(b""):
        code = net.load_param(str(path)) or net.load_model(str(path.with_suffix(WEIGHTS)))
    if code:
        raise UnopenedFileError("ncnn", path, f"its code is {code}")
    return net


def _planes(values: NDArray[np.float32]) -> Any:
    """Copy planes (C, H, W) to an ncnn.Mat that owns its memory."""
    import ncnn

    kept = np.ascontiguousarray(values)
    return ncnn.Mat(kept).clone()
