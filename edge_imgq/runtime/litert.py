"""Runtime session of LiteRT: runs .tflite files with XNNPACK, and reports XNNPACK's partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import ImageError, ModelError, UnopenedFileError
from edge_imgq.graph.ports.port_feeds import is_one_pixel, side_ratio
from edge_imgq.images.layout import from_nhwc, levels_from_nhwc
from edge_imgq.images.port_results import joined_results
from edge_imgq.native_output import without_lines
from edge_imgq.runtime.litert_inputs import channels_first, set_inputs, stored_inputs
from edge_imgq.runtime.placement.rules import AcceleratorPlacement, OperatorSupport
from edge_imgq.runtime.protocol import Placement, RuntimeIdentity, Session
from edge_imgq.runtime.signatures import signatures
from edge_imgq.runtime.tflite_file import read_bytes, read_note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.contract import FileNote

"""Two redirections at once would restore each other's."""

DELEGATE = "DELEGATE"
"""Name of LiteRT's node for a delegated partition."""

Size = tuple[int, int]


class LiteRTSession:
    """A .tflite file; implements `edge_imgq.runtime.protocol.FloatSession`, loaded from disk once.

    The image size selects the signature if the file has several. Otherwise an image of another size
    resizes the input, if the note allows it; that size is kept for the next image.
    """

    def __init__(self, path: Path, note: FileNote, threads: int, xnnpack: bool = True) -> None:
        self.note = note
        self._path, self._threads, self._xnnpack = path, threads, xnnpack
        self._interpreter = self._open()
        self._own_size = _size(self._interpreter)
        others = [port.name for port in note.contract.others]
        self._signatures = signatures(self._interpreter, others)
        self._resizable: bool | None = None
        self._refuse_other_types()
        delegated = placement_of(self._interpreter).partitions > 0
        self.identity = RuntimeIdentity(
            "LiteRT", version("ai-edge-litert"), "XNNPACK" if delegated else "", threads
        )

    @property
    def size(self) -> Size | None:
        """Exported (height, width) in pixels; of several signatures, that of the first."""
        return self._own_size

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Every exported (height, width) in pixels: those of the signatures, or the only one."""
        return tuple(self._signatures) or (self._own_size,)

    @property
    def resizable(self) -> bool:
        """True if the file also runs at other sizes: its note says so, and a trial confirms it.

        The trial, at the first access, resizes a copy and compares the output size with the
        expected one; nothing is run. A file with several signatures is not resizable.
        """
        if self._signatures or not self.note.resizable:
            return False
        if self._resizable is None:
            multiple = self.note.contract.multiple
            height, width = self._own_size
            trial = self._open()
            self._resizable = self._follows(trial, (height + multiple, width + multiple))
        return self._resizable

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Run the file on an image and return its output, both uint8 (H, W, C).

        Pixels are copied for uint8 edges; for float ones scaled to 0 … peak and back, rounded
        half to even and clipped. Several inputs or outputs are concatenated along C.

        Raises:
            ImageError: the file does not take the image's size or number of channels.
            NonFiniteOutputError: the output contains NaN or infinity.
            UnopenedFileError: LiteRT does not take a new size of a resizable file.
        """
        values = self._values(pixels)
        if values.dtype == np.uint8:
            image: NDArray[np.uint8] = values[0]
            return image
        return from_nhwc(values, self.note.contract.peak)

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Run the file; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 is black and 255 white. `pixels` are (H, W, C) levels, uint8 or float64. A file with uint8
        edges rounds and clips both its input and output. Several inputs or outputs are
        concatenated along C.

        Raises:
            ImageError: the file does not take the image's size or number of channels.
            NonFiniteOutputError: the output contains NaN or infinity.
            UnopenedFileError: LiteRT does not take a new size of a resizable file.
        """
        values = self._values(pixels)
        if values.dtype == np.uint8:
            bytes_out: NDArray[np.float64] = values[0].astype(np.float64)
            return bytes_out
        return levels_from_nhwc(values, self.note.contract.peak)

    def prepare(self, size: Size) -> Callable[[], None]:
        """Return a callable that runs the file once on a preloaded ramp of levels, for timing.

        The callable copies neither input nor output.

        Args:
            size: (height, width) of the image in pixels.

        Raises:
            ImageError: the file does not take the size.
        """
        channels = self.note.contract.channels
        ramp = np.arange(size[0] * size[1] * channels, dtype=np.uint32) % 256
        pixels = ramp.astype(np.uint8).reshape(*size, channels)
        if size in self._signatures:
            return self._signatures[size].prepared(self._inputs(pixels))
        self._set_inputs(pixels)
        invoke: Callable[[], None] = self._interpreter.invoke
        return invoke

    def _open(self) -> Any:
        return _interpreter(self._path, self._threads, self._xnnpack)

    def _values(self, pixels: NDArray[np.uint8 | np.float64]) -> Any:
        """Run the file and return its outputs in their stored type, concatenated by channel."""
        signature = self._signatures.get((pixels.shape[0], pixels.shape[1]))
        if signature is not None:
            return _joined(signature.run(self._inputs(pixels)))
        self._set_inputs(pixels)
        self._interpreter.invoke()
        details = self._interpreter.get_output_details()
        return _joined([self._interpreter.get_tensor(detail["index"]) for detail in details])

    def _inputs(self, pixels: NDArray[np.uint8 | np.float64]) -> list[Any]:
        """Return each input's array in its layout and type, the image first."""
        details = self._interpreter.get_input_details()
        channels = sum(int(detail["shape"][3]) for detail in details)
        if pixels.shape[2] != channels:
            raise ImageError(
                f"{self._path} takes {channels} channels, and the image has {pixels.shape[2]}."
            )
        return stored_inputs(details, pixels, self.note.contract.peak)

    def _set_inputs(self, pixels: NDArray[np.uint8 | np.float64]) -> None:
        """Copy an image into the input tensor, resizing the input if needed."""
        self._inputs(pixels)
        size = (pixels.shape[0], pixels.shape[1])
        if size != _size(self._interpreter):
            self._resize(size)
        set_inputs(self._interpreter, pixels, self.note.contract.peak)

    def _resize(self, size: Size) -> None:
        if self.note.resizable and not self._signatures:
            if self._follows(self._interpreter, size):
                return
            # A failed resize leaves the interpreter half allocated.
            self._interpreter = self._open()
        sizes = " and ".join(f"{height}x{width}" for height, width in self.sizes)
        raise ImageError(
            f"{self._path} runs at {sizes} only, and the image is {size[0]}x{size[1]}. "
            f"Export the model with --size {size[0]}x{size[1]}."
        )

    def _follows(self, interpreter: Any, size: Size) -> bool:
        """Resize the input; return True if the output has the expected size."""
        try:
            details = interpreter.get_input_details()
            shapes = [channels_first(detail["shape"]) for detail in details]
            for detail, shape in zip(details, shapes, strict=True):
                if not is_one_pixel(shape):
                    sides = (side // side_ratio(shape, shapes[0]) for side in size)
                    interpreter.resize_tensor_input(detail["index"], (1, *sides, shape[1]))
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError):
            return False
        output = tuple(int(n) for n in interpreter.get_output_details()[0]["shape"][1:3])
        return output == self.note.contract.result_size(size)

    def _refuse_other_types(self) -> None:
        details = [
            *self._interpreter.get_input_details(),
            *self._interpreter.get_output_details(),
        ]
        count = 2 + len(self.note.contract.further) + len(self.note.contract.others)
        if len(details) != count or any(d["dtype"] not in (np.float32, np.uint8) for d in details):
            raise ModelError(
                f"{self._path} does not take and return what its note says, in float32 or uint8."
            )


def open_session(path: Path, threads: int = 1) -> Session:
    """Load a .tflite file that edge-imgq wrote, to run in XNNPACK.

    Args:
        path: the file.
        threads: number of CPU threads.

    Raises:
        ModelError: the file is missing, truncated, not TFLite, or has no note, or its inputs and
            outputs are not those of the note.
        UnopenedFileError: LiteRT cannot open the file.
    """
    return LiteRTSession(path, read_note(path), threads)


def open_without_xnnpack(path: Path) -> Session:
    """Load a .tflite file for TFLite's builtin kernels, as apps without XNNPACK run it.

    It runs on one thread.

    Raises:
        ModelError: the file is missing, truncated, not TFLite, or has no note, or its inputs and
            outputs are not those of the note.
        UnopenedFileError: LiteRT cannot open the file.
    """
    return LiteRTSession(path, read_note(path), threads=1, xnnpack=False)


def open_keeping_tensors(path: Path) -> Any:
    """Open a .tflite file in LiteRT's builtin kernels, with all intermediate tensors kept.

    Returns LiteRT's `Interpreter`, allocated, with one thread; `get_tensor` works for every tensor.

    Raises:
        UnopenedFileError: LiteRT does not open the file.
    """
    return _interpreter(path, threads=1, xnnpack=False, keeps_tensors=True)


def placement(path: Path) -> Placement:
    """Report which operators of a .tflite file XNNPACK runs on this host, as LiteRT decides.

    The file is opened, not run.

    Raises:
        ModelError: the file is missing, not TFLite, or cannot be opened.
    """
    read_bytes(path)
    return placement_of(_interpreter(path, threads=1))


def placement_of(interpreter: Any) -> Placement:
    """Report which operators of an allocated LiteRT interpreter are delegated to XNNPACK.

    After delegation LiteRT lists the file's nodes, then one DELEGATE node per partition. A node
    belongs to a partition if a path leads from it to an output of the partition without crossing
    one of its inputs.
    """
    nodes = interpreter._get_ops_details()
    own, taken = _delegated(nodes)
    fallback = tuple(node["op_name"] for index, node in enumerate(own) if index not in taken)
    return Placement("XNNPACK", len(own), len(taken), len(nodes) - len(own), fallback)


def measured(path: Path) -> AcceleratorPlacement:
    """Report for each operator of a .tflite file whether XNNPACK runs it on this host.

    LiteRT decides when it opens the file, which is not run. Of several signatures, the first is
    reported.

    Raises:
        UnopenedFileError: LiteRT cannot open the file.
    """
    nodes = _interpreter(path, threads=1)._get_ops_details()
    own, taken = _delegated(nodes)
    left = OperatorSupport(False, "left to TFLite's own kernels")
    verdicts = tuple(OperatorSupport(True) if index in taken else left for index in range(len(own)))
    basis = f"measured: LiteRT {version('ai-edge-litert')} on this host"
    return AcceleratorPlacement("XNNPACK", basis, True, verdicts, len(nodes) - len(own))


def _delegated(nodes: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], set[int]]:
    """Return the file's nodes, and the indices of those inside a partition."""
    # LiteRT has no public list of nodes; its own analyzer and benchmark tools read this one.
    partitions = [node for node in nodes if node["op_name"] == DELEGATE]
    own = [node for node in nodes if node["op_name"] != DELEGATE]
    producer = {int(tensor): index for index, node in enumerate(own) for tensor in node["outputs"]}
    taken: set[int] = set()
    for partition in partitions:
        taken |= _inside(partition, own, producer)
    return own, taken


def _inside(
    partition: dict[str, Any], nodes: Sequence[dict[str, Any]], producer: dict[int, int]
) -> set[int]:
    border = {int(tensor) for tensor in partition["inputs"]}
    open_tensors = [int(tensor) for tensor in partition["outputs"]]
    inside: set[int] = set()
    while open_tensors:
        tensor = open_tensors.pop()
        index = producer.get(tensor)
        if tensor in border or index is None or index in inside:
            continue
        inside.add(index)
        open_tensors.extend(int(source) for source in nodes[index]["inputs"])
    return inside


def _interpreter(
    path: Path, threads: int, xnnpack: bool = True, keeps_tensors: bool = False
) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        with without_lines(b"INFO:"):
            interpreter = Interpreter(
                model_path=str(path),
                num_threads=threads,
                experimental_op_resolver_type=kernels,
                experimental_preserve_all_tensors=keeps_tensors,
            )
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UnopenedFileError("LiteRT", path, reason) from error
    return interpreter


def _joined(results: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Concatenate results (1, H, W, C) by channel."""
    if len(results) == 1:
        return results[0]
    joined = joined_results([result.transpose(0, 3, 1, 2) for result in results])
    return joined.transpose(0, 2, 3, 1)


def _size(interpreter: Any) -> Size:
    shape = interpreter.get_input_details()[0]["shape"]
    if len(shape) != 4:
        raise ModelError(f"The input of the file has shape {tuple(shape)}, which is not an image.")
    return int(shape[1]), int(shape[2])
