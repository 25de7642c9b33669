"""Runtime session of Core ML packages: Apple's runtime on a Mac, else the reference evaluator."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.contract import FileNote, has_note
from edge_imgq.errors import ModelError, RuntimeUnavailableError
from edge_imgq.graph.ports.port_feeds import is_one_pixel, side_ratio, split_ports
from edge_imgq.images.layout import levels_from_nchw, pixels_of
from edge_imgq.images.port_results import joined_results
from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.package import Package, open_package
from edge_imgq.runtime.mil.program import read_program
from edge_imgq.runtime.mil.silence import coremltools, silenced
from edge_imgq.runtime.protocol import RuntimeIdentity, Session
from edge_imgq.runtime.torch_threads import torch_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray


def open_session(path: Path, threads: int = 1) -> Session:
    """Load a package in Core ML on a Mac, in the reference evaluator elsewhere.

    The session implements FloatSession if the outputs are not one picture, else Session.

    Args:
        path: an .mlpackage that edge-imgq wrote.
        threads: CPU threads of the reference evaluator; Core ML chooses its own.

    Raises:
        ModelError: the package is missing, damaged, not written by edge-imgq, or its inputs and
            outputs are not the images that its note states.
        RuntimeUnavailableError: this Mac's Core ML does not load the file.
    """
    package = open_package(path)
    _refuse_without_images(package)
    contract = _note(package).contract
    is_image = contract.returns_image and not contract.others
    if sys.platform == "darwin":
        return MacSession(package) if is_image else DeviceNumbers(package)
    return ReferenceSession(package, threads) if is_image else ReferenceNumbers(package, threads)


class ReferenceSession:
    """A package run by the reference evaluator; implements `runtime.protocol.Session`.

    Values have the precision that the file declares for them (`edge_imgq.runtime.mil.evaluate`).
    """

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
        """Run the file on an image in the reference evaluator; return its image.

        `pixels` are uint8 (H, W, C) with the channels of all inputs; the result is uint8 (H ×
        scale, W × scale, C), rounded half to even and clipped. After each operator, values are
        rounded to the type that the program declares, mostly float16; Core ML may compute more
        precisely.

        Raises:
            ModelError: the file does not take the image's size.
            NonFiniteOutputError: a value is infinite or NaN in float16.
        """
        # As Core ML makes 8-bit images; our own programs return whole numbers in range.
        return pixels_of(_levels(self._values(pixels), self.note))

    def _values(self, pixels: NDArray[np.uint8 | np.float64]) -> list[NDArray[Any]]:
        """Run the program and return its outputs (1, C, H, W)."""
        size = (pixels.shape[0], pixels.shape[1])
        fits = size == self.size or self.resizable
        result = self._results(self._arrays(pixels), size) if fits else None
        if result is None or [array.shape for array in result] != self._wanted(size):
            raise ModelError(
                f"{self._path} takes images of {self.size} (height, width), not {size}. "
                "Export it again with --size."
            )
        return result

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a callable that evaluates the file once; its time says nothing of a device.

        The image is uint8 noise, the same each time; converting it is part of the call, which
        raises what `run` raises.

        Args:
            size: (height, width) of the image in pixels.
        """
        pixels = _noise(size, self.note.contract.channels)

        def call() -> None:
            self.run(pixels)

        return call

    def _shapes(self, size: tuple[int, int]) -> dict[str, tuple[int, ...]]:
        """Return each input's shape for an image of `size`, the image first."""
        entries = self._evaluator.program.inputs
        image = entries[0].shape
        return {
            entry.name: entry.shape
            if is_one_pixel(entry.shape)
            else (1, entry.shape[1], *(side // side_ratio(entry.shape, image) for side in size))
            for entry in entries
        }

    def _arrays(self, pixels: NDArray[np.uint8 | np.float64]) -> dict[str, NDArray[np.float32]]:
        """Return each input's array: levels for the image, 0 to the peak for others."""
        shapes = self._shapes((pixels.shape[0], pixels.shape[1]))
        batch = pixels.astype(np.float32).transpose(2, 0, 1)[np.newaxis]
        return _in_units(split_ports(batch, list(shapes.items())), self.note)

    def _others(self) -> Iterator[tuple[int, int]]:
        """Yield other sizes to try, odd multiples; a small one first."""
        multiple, (height, width) = self.note.contract.multiple, self.sizes[0]
        smaller = [(side // multiple // 2 - 1 | 1) * multiple for side in (height, width)]
        if min(smaller) > 0:
            yield smaller[0], smaller[1]
        yield height + multiple, width + multiple

    def _fits(self, size: tuple[int, int]) -> bool:
        """Return True if the program runs at a size with the expected output shapes."""
        with torch_threads(self._threads):
            shapes = self._evaluator.shapes(self._shapes(size))
        return shapes is not None and list(shapes.values()) == self._wanted(size)

    def _wanted(self, size: tuple[int, int]) -> list[tuple[int, ...]]:
        """Return the output shapes for an image of `size`."""
        contract = self.note.contract
        pairs = zip(contract.results_channels, contract.results_sizes(size), strict=True)
        return [(1, channels, *sides) for channels, sides in pairs]

    def _results(
        self, arrays: dict[str, NDArray[np.float32]], size: tuple[int, int]
    ) -> list[NDArray[Any]] | None:
        """Run the program; None if an operator fails at a size other than the file's."""
        try:
            with torch_threads(self._threads):
                return list(self._evaluator.run(arrays).values())
        except (RuntimeError, IndexError, ValueError):
            if size == self.size:
                raise
            return None


class ReferenceNumbers(ReferenceSession):
    """A `ReferenceSession` with unrounded output; implements `runtime.protocol.FloatSession`."""

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Run the file; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 and 255 are pixel 0 and 255, or the ends of a port's range. `pixels` are (H, W, C) levels,
        uint8 or float64. Several inputs or outputs are concatenated along C.

        Raises:
            ModelError: the file does not take the image's size.
            NonFiniteOutputError: a value is infinite or NaN in float16.
        """
        return _levels(self._values(pixels), self.note)


class MacSession:
    """A package run by Core ML on this Mac, on the compute units that Core ML chooses."""

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
        self._shapes = {entry.name: _shape(entry) for entry in description.input}
        self._outputs = [entry.name for entry in description.output]
        try:
            with silenced():
                self._model = ct.models.MLModel(str(package.path), compute_units=ct.ComputeUnit.ALL)
        except Exception as error:  # coremltools raises bare RuntimeErrors of the framework's text
            raise RuntimeUnavailableError(
                f"Core ML of macOS {platform.mac_ver()[0]} does not load {package.path}: {error}"
            ) from error

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Run the file on an image in Core ML; return its image.

        `pixels` are uint8 (H, W, C) with the channels of all inputs; the result is uint8 (H ×
        scale, W × scale, C), rounded half to even and clipped.

        Raises:
            ModelError: the file has another size.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        return pixels_of(_levels(self._predict(pixels), self.note))

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a callable that runs the file once on a converted image, for timing.

        The image is uint8 noise, the same each time. Errors of Core ML pass through the callable.

        Args:
            size: (height, width) of the image in pixels; it must be the file's.
        """
        fed = self._fed(_noise(size, self.note.contract.channels))

        def call() -> None:
            self._model.predict(fed)

        return call

    def _fed(self, pixels: NDArray[np.uint8 | np.float64]) -> dict[str, Any]:
        """Return each input's value; a PIL image for an image input."""
        batch = pixels.astype(np.float32).transpose(2, 0, 1)[np.newaxis]
        fed: dict[str, Any] = _in_units(split_ports(batch, list(self._shapes.items())), self.note)
        if self.note.contract.layout == "image":
            image = pixels[:, :, : self.note.contract.image_channels]
            fed[next(iter(fed))] = _picture(pixels_of(image))
        return fed

    def _predict(self, pixels: NDArray[np.uint8 | np.float64]) -> list[NDArray[Any]]:
        """Run the file and return arrays (1, C, H, W); image outputs as levels."""
        if pixels.shape[:2] != self.size:
            raise ModelError(f"Core ML takes images of {self.size} here, not {pixels.shape[:2]}.")
        outputs = self._model.predict(self._fed(pixels))
        first, *others = (outputs[name] for name in self._outputs)
        if _returns_picture(self.note):
            mode = "L" if self.note.contract.result_channels == 1 else "RGB"
            first = np.atleast_3d(np.asarray(first.convert(mode), np.uint8)).transpose(2, 0, 1)
            first = first[np.newaxis]
        return [np.asarray(array) for array in (first, *others)]


class DeviceNumbers(MacSession):
    """A `MacSession` with unrounded output; implements `runtime.protocol.FloatSession`."""

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Run the file; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 and 255 are pixel 0 and 255, or the ends of a port's range. `pixels` are (H, W, C) levels,
        uint8 or float64, of the file's size. An image input has 8 bits, so fractional levels of it
        are rounded. Several inputs or outputs are concatenated along C.

        Raises:
            ModelError: the file has another size.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        return _levels(self._predict(pixels), self.note)


def _levels(results: Sequence[NDArray[Any]], note: FileNote) -> NDArray[np.float64]:
    """Convert outputs to levels (H, W, C), concatenated by channel; images are levels already."""
    peak, unit = note.contract.peak, 255.0 if _returns_picture(note) else note.contract.peak
    first, *others = (array.astype(np.float64) for array in results)
    joined = joined_results([first * (peak / unit), *others]) if others else first
    return levels_from_nchw(joined, peak if others else unit)


def _in_units(
    arrays: Mapping[str, NDArray[np.float32]], note: FileNote
) -> dict[str, NDArray[np.float32]]:
    """Scale levels for the inputs: unchanged for an image input, to the peak for others."""
    unit, scaled = np.float32(note.contract.pixel_scale), {}
    for index, (name, values) in enumerate(arrays.items()):
        is_picture = index == 0 and note.contract.layout == "image"
        scaled[name] = np.ascontiguousarray(values if is_picture else values * unit)
    return scaled


def _returns_picture(note: FileNote) -> bool:
    return note.contract.returns_image and note.contract.result_channels in (1, 3)


def _shape(entry: Any) -> tuple[int, ...]:
    """Return the shape (1, C, H, W) of a feature; an image counts as 1 or 3 channels."""
    image, array = entry.type.imageType, entry.type.multiArrayType
    if entry.type.WhichOneof("Type") == "imageType":
        channels = 1 if image.colorSpace == image.GRAYSCALE else 3
        return 1, channels, int(image.height), int(image.width)
    return tuple(int(length) for length in array.shape)


def _picture(pixels: NDArray[np.uint8]) -> Any:
    """Convert pixels to the PIL image that coremltools requires."""
    from PIL import Image

    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _noise(size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (*size, channels), dtype=np.uint8)


def _note(package: Package) -> FileNote:
    return FileNote.from_strings(package.metadata, str(package.path))


def _size(package: Package) -> tuple[int, int]:
    height, width = _shape(package.model.description.input[0])[2:]
    return height, width


def _refuse_without_images(package: Package) -> None:
    """Refuse a package whose features are not images, unless its note says so.

    Raises:
        ModelError: names the features' kinds.
    """
    description = package.model.description
    if has_note(package.metadata):
        contract = _note(package).contract
        if not (contract.returns_image and contract.takes_image_alone) or contract.others:
            return
    for features, word in ((description.input, "takes"), (description.output, "returns")):
        kinds = [feature.type.WhichOneof("Type") for feature in features]
        if kinds != ["imageType"]:
            raise ModelError(
                f"{package.path} {word} {kinds}; only packages with one image at each end are run."
            )
