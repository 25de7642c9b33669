"""The user's original ONNX file, run in its layout, types and value range.

Every node runs unoptimised: ONNX Runtime's optimisations change rounding, and the reference must
not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from edge_imgq.contract import has_note
from edge_imgq.graph.load.single_precision import OTHERS
from edge_imgq.graph.shapes.size import side_axes
from edge_imgq.images.layout import levels_from_nhwc
from edge_imgq.images.port_results import joined_results
from edge_imgq.runtime.levels_session import LevelsSession
from edge_imgq.runtime.onnxruntime import inference_session, run_session
from edge_imgq.runtime.protocol import RuntimeIdentity
from edge_imgq.scale import Scale, scaled
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.contract import FileNote, ImageContract, PixelRange
    from edge_imgq.ports import Port

    Floats = NDArray[np.floating[Any]]
    Call = Callable[[Mapping[str, NDArray[Any]]], Sequence[NDArray[Any]]]

MAX_PIXELS = 256 * 256
"""Pixel limit for ONNX's reference evaluator, which takes minutes for larger images."""


class SourceOnnx:
    """A model called with arrays (H, W, C) in 0 to 1, several inputs concatenated along C.

    Args:
        model: its graph; the weights are optional.
        pixels: model values of pixels 0 and 255.
        call: runs the model on arrays by input name and returns all outputs.
        runtime: name and version of the runtime.
        ports: further inputs, and outputs.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        pixels: PixelRange,
        call: Call,
        runtime: str,
        ports: OwnPorts,
    ) -> None:
        image, others = _image_and_others(model, ports.further)
        self.runtime = runtime
        self.size = image_size(model)
        self._pixels, self._call, self._name = pixels, call, image.name
        self._others, self._border, self._scale = others, ports.border, ports.scale
        self._results = _in_order(ports, [value.name for value in model.graph.output])
        shape = _lengths(image)
        self._is_last = side_axes(shape) == (1, 2)
        self._batch = shape[0] or 1
        self._dtype = helper.tensor_dtype_to_np_dtype(image.type.tensor_type.elem_type)

    def __call__(self, image: Floats) -> NDArray[np.float64]:
        """Run the model; image and result are (H, W, C) in 0 to 1, not clipped.

        They are converted to and from the model's ranges, layout and type; integer inputs are
        rounded half to even. Several outputs are concatenated by channel, smaller ones repeated to
        the size of the first.

        Raises:
            ModelError: ONNX Runtime fails at this size. The reference evaluator's own errors pass.
        """
        low, span = self._pixels.low, self._pixels.high - self._pixels.low
        size = image.shape[:2]
        feeds, channels = {}, image.shape[2]
        for port, value in reversed(self._others):
            channels -= port.channels
            planes = image[
                :: port.downscale, :: port.downscale, channels : channels + port.channels
            ]
            feeds[port.name] = _own(_extended(planes, self._border // port.downscale), port, value)
        values = _extended(image[..., :channels], self._border) * span + low
        if np.issubdtype(self._dtype, np.integer):
            values = np.rint(values)
        batch = np.repeat(values[np.newaxis], self._batch, axis=0)
        laid = batch if self._is_last else batch.transpose(0, 3, 1, 2)
        results = self._call({self._name: np.ascontiguousarray(laid, self._dtype), **feeds})
        units = [
            _unit(results[index], port) if port else self._image(results[index])
            for index, port in self._results
        ]
        joined = joined_results([unit.transpose(2, 0, 1)[np.newaxis] for unit in units])[0]
        unit: NDArray[np.float64] = joined.transpose(1, 2, 0)
        return _middle(unit, [scaled(side, self._scale) for side in size]) if self._border else unit

    def _image(self, result: NDArray[Any]) -> NDArray[np.float64]:
        """Convert an image output to (H, W, C) in 0 to 1."""
        low, span = self._pixels.low, self._pixels.high - self._pixels.low
        if side_axes(result.shape) != (1, 2):
            result = result.transpose(0, 2, 3, 1)
        unit: NDArray[np.float64] = (result[0].astype(np.float64) - low) / span
        return unit


def _extended(image: Floats, border: int) -> Floats:
    """Extend an image (H, W, C) by reflection on each side."""
    sides = (border, border)
    return np.pad(image, (sides, sides, (0, 0)), "reflect") if border else image


def _middle(image: NDArray[np.float64], size: Sequence[int]) -> NDArray[np.float64]:
    """Crop an image to its middle."""
    top, left = ((image.shape[axis] - size[axis]) // 2 for axis in (0, 1))
    return image[top : top + size[0], left : left + size[1]]


@dataclass(frozen=True)
class OwnPorts:
    """Inputs and outputs of a user's file.

    Attributes:
        further: inputs other than the image.
        result: the result; None for an image with the input's pixel range.
        border: pixels that the model crops on each side; its input is reflected by as many.
        scale: output height over input height, to which the result is cropped if there is a border.
        others: outputs other than the result.
    """

    further: Sequence[Port] = ()
    result: Port | None = None
    border: int = 0
    others: Sequence[Port] = ()
    scale: Scale = 1

    @staticmethod
    def of(contract: ImageContract) -> OwnPorts:
        """Return a contract's ports for the file that the user gave, each in its own range."""
        return OwnPorts(
            contract.further, contract.result, contract.border, contract.others, contract.scale
        )

    @staticmethod
    def in_peak_range(contract: ImageContract) -> OwnPorts:
        """Return a contract's ports for the model as edge-imgq loads it: in 0 … peak, no border."""
        further, others = (
            [replace(port, low=(0.0,), high=(contract.peak,)) for port in ports]
            for ports in (contract.further, contract.others)
        )
        return OwnPorts(further, others=others)

    @staticmethod
    def of_file(model: onnx.ModelProto, contract: ImageContract) -> OwnPorts:
        """Return the ports of a contract, in the ranges that the numbers of a file have.

        Those are 0 … peak if `export` wrote the file, which its metadata says, else the ports' own.
        """
        written = has_note({entry.key: entry.value for entry in model.metadata_props})
        return OwnPorts.in_peak_range(contract) if written else OwnPorts.of(contract)


ONE_IMAGE = OwnPorts()


def _image_and_others(
    model: onnx.ModelProto, further: Sequence[Port]
) -> tuple[onnx.ValueInfoProto, list[tuple[Port, onnx.ValueInfoProto]]]:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = {value.name: value for value in model.graph.input if value.name not in constants}
    others = [(port, inputs.pop(port.name)) for port in further]
    return next(iter(inputs.values())), others


def _in_order(ports: OwnPorts, names: Sequence[str]) -> list[tuple[int, Port | None]]:
    """Return (output index, port) of each result, the main one first."""
    others = [(names.index(port.name), port) for port in ports.others]
    taken = {index for index, _ in others}
    first = next(index for index in range(len(names)) if index not in taken)
    return [(first, ports.result), *others]


def _own(channels: Floats, port: Port, value: onnx.ValueInfoProto) -> NDArray[Any]:
    """Convert channels (H, W, C) in 0 to 1 to an input's range, layout and type."""
    low, high = np.array(port.low), np.array(port.high)
    numbers, shape = low + channels * (high - low), _lengths(value)
    dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    if port.kind == "vector":
        laid = numbers[0, 0].reshape([length or 1 for length in shape])
    elif side_axes(shape) == (1, 2):
        laid = numbers[np.newaxis]
    else:
        laid = numbers.transpose(2, 0, 1)[np.newaxis]
    return np.ascontiguousarray(laid, dtype)


def _unit(values: NDArray[Any], port: Port) -> NDArray[np.float64]:
    """Convert a port's output to (H, W, C) in 0 to 1."""
    if port.kind == "vector":
        laid = values.reshape(-1)[: port.channels].reshape(1, 1, -1)
    else:
        laid = values[0] if side_axes(values.shape) == (1, 2) else values[0].transpose(1, 2, 0)
    low, high = np.array(port.low), np.array(port.high)
    unit: NDArray[np.float64] = (laid.astype(np.float64) - low) / (high - low)
    return unit


def image_size(model: onnx.ModelProto) -> tuple[int, int] | None:
    """Return the fixed (height, width) in pixels of a model's image input; None if either is open.

    The image is the first input of rank 4, NCHW or NHWC, that is not 1×1; one must exist.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = (value for value in model.graph.input if value.name not in constants)
    image = next(v for v in inputs if len(s := _lengths(v)) == 4 and s[2:] != (1, 1))
    shape = _lengths(image)
    height, width = (shape[axis] for axis in side_axes(shape))
    return (height, width) if height and width else None


def _lengths(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """Return the shape of a value, 0 for open lengths."""
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)


def is_rounded(model: onnx.ModelProto) -> bool:
    """Return True if a weight, input or output is float16 or bfloat16, or an output is uint8."""
    kinds = {tensor.data_type for tensor in model.graph.initializer}
    ends = (*model.graph.input, *model.graph.output)
    kinds |= {value.type.tensor_type.elem_type for value in ends}
    return bool(kinds & (OTHERS - {TensorProto.DOUBLE})) or gives_bytes(model)


def gives_bytes(model: onnx.ModelProto) -> bool:
    """Return True if an output of a model is uint8, which is rounded and clipped."""
    kinds = [value.type.tensor_type.elem_type for value in model.graph.output]
    return TensorProto.UINT8 in kinds


def in_onnx_runtime(
    model: onnx.ModelProto,
    pixels: PixelRange,
    threads: int,
    path: Path | None = None,
    ports: OwnPorts = ONE_IMAGE,
) -> SourceOnnx | Skipped:
    """Open a model in ONNX Runtime without optimisation, or return why it cannot be opened.

    What fails only when the model runs is raised by the call.

    Args:
        model: its graph, with weights if `path` is None.
        pixels: model values of pixels 0 and 255.
        threads: number of CPU threads; 0 for one per core.
        path: the file to run instead of the serialized model, needed for models over 2 GB.
        ports: further inputs, and outputs.
    """
    source = str(path) if path else model.SerializeToString()
    try:
        session = inference_session(source, threads=threads, optimise=False)
    except Exception as error:  # ONNX Runtime raises classes of its own making
        reason = str(error).strip().split("\n")[0]
        return Skipped(f"ONNX Runtime {onnxruntime.__version__} does not open it: {reason}")

    def call(feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return run_session(session, feeds)

    return SourceOnnx(model, pixels, call, f"ONNX Runtime {onnxruntime.__version__}", ports)


def in_reference_evaluator(
    model: onnx.ModelProto, pixels: PixelRange, ports: OwnPorts = ONE_IMAGE
) -> SourceOnnx | Skipped:
    """Open a model in ONNX's reference evaluator, or return why it cannot be opened.

    It is written in NumPy: it takes minutes for images of more than 256 × 256 pixels, but runs all
    opsets. What fails only when the model runs is raised by the call.

    Args:
        model: its graph with weights.
        pixels: model values of pixels 0 and 255.
        ports: further inputs, and outputs.
    """
    from onnx.reference import ReferenceEvaluator

    try:
        evaluator = ReferenceEvaluator(model)
    except Exception as error:  # it raises what its operators raise
        return Skipped(f"ONNX's reference evaluator does not open it: {first_line(error)}")

    def call(feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return list(map(np.asarray, evaluator.run(None, dict(feeds))))

    return SourceOnnx(model, pixels, call, f"ONNX's reference evaluator {onnx.__version__}", ports)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message; the name of its class if that is empty."""
    return str(error).strip().split("\n")[0] or type(error).__name__


class SourceOnnxSession(LevelsSession):
    """A user's file as the float reference; implements `runtime.protocol.FloatSession`."""

    def __init__(self, model: SourceOnnx, note: FileNote, size: tuple[int, int] | None) -> None:
        self.note = note
        self.size = size
        self._model = model
        name, version = model.runtime.rsplit(" ", 1)
        self.identity = RuntimeIdentity(name, version, "CPU, every node as it stands", 1)

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Run the file; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 is black and 255 white. `pixels` are (H, W, C) levels, uint8 or float64. Several
        inputs or outputs are concatenated along C.

        Raises:
            ModelError: the model fails at the image's size.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        return levels_from_nhwc(self._model(pixels.astype(np.float64) / 255.0)[np.newaxis], 1.0)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a callable that runs the model once, unoptimised, on a gray image.

        `size` is its (height, width) in pixels. The callable raises ModelError if ONNX Runtime
        fails at this size.
        """
        gray = np.full((*size, self.note.contract.channels), 0.5)

        def call() -> None:
            self._model(gray)

        return call
