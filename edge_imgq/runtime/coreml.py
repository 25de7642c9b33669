"""Core ML packages: Apple's runtime on a Mac, the reference evaluator elsewhere."""

from __future__ import annotations

import contextlib
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edge_imgq.contract import FileNote, has_note
from edge_imgq.errors import ModelError, RuntimeUnavailableError
from edge_imgq.images.layout import from_nchw
from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.package import Package, open_package
from edge_imgq.runtime.mil.program import read_program
from edge_imgq.runtime.mil.silence import coremltools, silenced
from edge_imgq.runtime.protocol import RuntimeIdentity, Session

if TYPE_CHECKING:
    from numpy.typing import NDArray


def open_session(path: Path, threads: int = 1) -> Session:
    """Open a package with what this machine has.

    Args:
        path: a `.mlpackage` with one image at each end.
        threads: processor threads of the reference evaluator; Core ML chooses its own.

    Raises:
        ModelError: the package is missing, damaged, or has other things than images at its ends.
        RuntimeUnavailableError: this Mac's Core ML does not load the file.
    """
    package = open_package(path)
    _refuse_without_images(package)
    if sys.platform == "darwin":
        return DeviceSession(package)
    return ReferenceSession(package, threads)


class ReferenceSession:
    """A package executed by the reference evaluator, in the precision that the file states."""

    def __init__(self, package: Package, threads: int) -> None:
        self.note = _note(package)
        height, width = _size(package)
        self.size: tuple[int, int] | None = (height, width)
        self.sizes: tuple[tuple[int, int], ...] = (self.size,)
        self._evaluator = Evaluator(read_program(package))
        self._path, self._threads = package.path, threads
        self.resizable = any(self._fits(size) for size in self._others())
        # Figures of whole photographs say more of a file than those of its one size.
        any_size = f"at any size; Core ML takes {height}x{width} alone"
        self.identity = RuntimeIdentity(
            name="reference evaluator",
            version=str(coremltools().__version__),
            delegate=any_size if self.resizable else "",
            threads=threads,
            is_device_runtime=False,
        )

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the output image; see `edge_imgq.runtime.protocol.Session`."""
        size = (pixels.shape[0], pixels.shape[1])
        levels = pixels.astype(np.float32).transpose(2, 0, 1)[np.newaxis]
        result = self._result(levels) if size == self.size or self.resizable else None
        if result is None or result.shape != self._wanted(size):
            raise ModelError(
                f"{self._path} takes images of {self.size} (height, width), not {size}. "
                "Export it again with --size."
            )
        if not self.note.contract.returns_image:
            return from_nchw(result, self.note.contract.peak)
        # As Core ML makes 8-bit images; our own programs return whole numbers in range.
        return np.ascontiguousarray(
            np.rint(result[0]).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
        )

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a call that evaluates the file once; its time says nothing of a device's."""
        pixels = _noise(size, self.note.contract.channels)

        def call() -> None:
            self.run(pixels)

        return call

    @property
    def _input(self) -> str:
        return self._evaluator.program.inputs[0].name

    def _others(self) -> Iterator[tuple[int, int]]:
        """Yield other sizes to try the program at, odd multiples; a small one first, soon run."""
        multiple, (height, width) = self.note.contract.multiple, self.sizes[0]
        half = [(side // multiple // 2 - 1 | 1) * multiple for side in (height, width)]
        if min(half) > 0:
            yield half[0], half[1]
        yield height + multiple, width + multiple

    def _fits(self, size: tuple[int, int]) -> bool:
        """Tell whether the program runs at a size, and returns the size that it should."""
        with _threads(self._threads):
            shapes = self._evaluator.shapes({self._input: (1, self.note.contract.channels, *size)})
        return shapes is not None and list(shapes.values()) == [self._wanted(size)]

    def _wanted(self, size: tuple[int, int]) -> tuple[int, ...]:
        """Return the shape of the output for an image of a height and width."""
        contract = self.note.contract
        return (1, contract.result_channels, *contract.result_size(size))

    def _result(self, levels: NDArray[np.float32]) -> NDArray[Any] | None:
        """Return the program's output; None where an operator does not take this size."""
        try:
            with _threads(self._threads):
                (result,) = self._evaluator.run({self._input: levels}).values()
        except (RuntimeError, IndexError, ValueError):
            if levels.shape[2:] == self.size:
                raise
            return None
        return result


class DeviceSession:
    """A package executed by Core ML on this Mac, on whatever units Core ML chooses."""

    resizable = False

    def __init__(self, package: Package) -> None:
        ct = coremltools()
        self.note = _note(package)
        self.size: tuple[int, int] | None = _size(package)
        self.sizes: tuple[tuple[int, int], ...] = (self.size,)
        self.identity = RuntimeIdentity(
            name="Core ML",
            version=f"macOS {platform.mac_ver()[0]}",
            delegate="all units",
            threads=0,
        )
        description = package.model.description
        self._input, self._output = description.input[0].name, description.output[0].name
        try:
            with silenced():
                self._model = ct.models.MLModel(str(package.path), compute_units=ct.ComputeUnit.ALL)
        except Exception as error:  # coremltools raises bare RuntimeErrors of the framework's text
            raise RuntimeUnavailableError(
                f"Core ML of macOS {platform.mac_ver()[0]} does not load {package.path}: {error}"
            ) from error

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the output image; see `edge_imgq.runtime.protocol.Session`."""
        if pixels.shape[:2] != self.size:
            raise ModelError(f"Core ML takes images of {self.size} here, not {pixels.shape[:2]}.")
        return self._predict(_picture(pixels))

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a call that runs the file once, for timing; images are converted beforehand."""
        picture = _picture(_noise(size, self.note.contract.channels))

        def call() -> None:
            self._model.predict({self._input: picture})

        return call

    def _predict(self, picture: Any) -> NDArray[np.uint8]:
        result = self._model.predict({self._input: picture})[self._output]
        if not self.note.contract.returns_image:
            return from_nchw(np.asarray(result), self.note.contract.peak)
        mode = "L" if self.note.contract.channels == 1 else "RGB"
        array = np.asarray(result.convert(mode), np.uint8)
        return array[:, :, np.newaxis] if array.ndim == 2 else array


def _picture(pixels: NDArray[np.uint8]) -> Any:
    """Return pixels as the PIL image that coremltools wants."""
    from PIL import Image

    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _noise(size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (*size, channels), dtype=np.uint8)


def _note(package: Package) -> FileNote:
    return FileNote.from_strings(package.metadata, str(package.path))


def _size(package: Package) -> tuple[int, int]:
    image = package.model.description.input[0].type.imageType
    return int(image.height), int(image.width)


def _refuse_without_images(package: Package) -> None:
    description = package.model.description
    ends = ((description.input, "takes"), (description.output, "returns"))
    numbers = has_note(package.metadata) and not _note(package).contract.returns_image
    for features, word in ends[:1] if numbers else ends:
        kinds = [feature.type.WhichOneof("Type") for feature in features]
        if kinds != ["imageType"]:
            raise ModelError(
                f"{package.path} {word} {kinds}; only packages with one image at each end are run."
            )


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Give torch a number of threads, and take them back."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
