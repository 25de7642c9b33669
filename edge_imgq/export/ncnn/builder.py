"""Layer builder for ncnn: blobs, layers, and exceptions for operators that cannot be lowered.

ncnn's blobs have one to four axes, (w), (h, w), (c, h, w) or (c, d, h, w), and no batch axis: a
leading axis of length 1 is dropped. Operators that need more axes are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.export.ncnn.layers import Layer, Number, Shape, Weight, stated
from edge_imgq.graph.network import Operation, Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_AXES = 4
FLOAT32_MAX = float(np.finfo(np.float32).max)


class RefusedError(Exception):
    """ncnn cannot express an operator; the message is a reason without full stop."""


class UnknownError(Exception):
    """An operator reads the output of a refused one, which has no blob, so it cannot be checked."""


@dataclass(frozen=True)
class Blob:
    """A tensor of ncnn.

    Attributes:
        name: unique.
        shape: ncnn shape; the last axis is w.
    """

    name: str
    shape: Shape


def stored(shape: Sequence[int]) -> Shape:
    """Convert a tensor's shape to ncnn, without a batch axis of length 1.

    (1, C, H, W) becomes (C, H, W), and a scalar (1,).

    Raises:
        RefusedError: the tensor has too many axes, or is empty.
    """
    kept = tuple(shape[1:]) if len(shape) > 1 and shape[0] == 1 else tuple(shape) or (1,)
    return _allowed(kept)


def _allowed(shape: Shape) -> Shape:
    if len(shape) > MAX_AXES:
        raise RefusedError(
            f"ncnn's tensors have at most {MAX_AXES} axes beside the batch; merge some in the model"
        )
    if 0 in shape:
        raise RefusedError("it has an empty tensor, which ncnn does not have")
    return shape


class Builder:
    """Layers built so far, and the blob of each tensor.

    Attributes:
        layers: in execution order.
    """

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self._blobs: dict[str, Blob] = {}

    def enter(self, tensor: Tensor, name: str) -> None:
        """Add an Input layer for an input tensor of the graph, in the shape of `stored`.

        Args:
            tensor: input of the graph.
            name: name of the layer and its blob, which apps use.

        Raises:
            RefusedError: it has more than ncnn's four axes beside the batch, or is empty.
        """
        shape = stored(tensor.shape)
        self.layers.append(Layer("Input", name, (), (name,), (shape,), {}))
        self.write(tensor, Blob(name, shape))

    def write(self, tensor: Tensor, blob: Blob) -> None:
        """Record the blob that holds a tensor's elements, for later `read`."""
        self._blobs[tensor.name] = blob

    def read(self, tensor: Tensor) -> Blob:
        """Return the blob of a tensor in the shape of `stored`, adding a constant if it is one.

        Raises:
            RefusedError: the tensor has too many axes.
            UnknownError: the operator that computes the tensor was refused.
        """
        if tensor.data is not None:
            return self.constant(np.asarray(tensor.data).reshape(stored(tensor.shape)))
        return self.reshaped(self.read_numbers(tensor), stored(tensor.shape))

    def read_numbers(self, tensor: Tensor) -> Blob:
        """Return the blob that `write` recorded for a tensor, for layers that ignore its shape.

        It has the tensor's elements in the same sequence, but its shape can differ from `stored`.
        Constants have no such blob; `read` adds one.

        Raises:
            UnknownError: the operator that computes the tensor was refused.
        """
        if tensor.name not in self._blobs:
            raise UnknownError
        return self._blobs[tensor.name]

    def constant(self, values: NDArray[Any]) -> Blob:
        """Add a constant as a float32 MemoryData blob.

        Raises:
            RefusedError: it has too many axes, or is empty.
        """
        shape = _allowed(values.shape)
        weight = Weight(np.ascontiguousarray(values, np.float32))
        return self.emit("MemoryData", (), shape, stated(shape), (weight,))

    def emit(
        self,
        kind: str,
        inputs: Sequence[Blob],
        shape: Shape,
        parameters: Mapping[int, Number | Sequence[Number]] | None = None,
        weights: Sequence[Weight] = (),
    ) -> Blob:
        """Add a layer with one output and return that.

        Args:
            kind: ncnn's layer type.
            inputs: blobs that it reads.
            shape: shape of its output at the exported size.
            parameters: values by key.
            weights: in the order in which ncnn reads them.
        """
        return self.emit_all(kind, inputs, (shape,), parameters, weights)[0]

    def emit_all(
        self,
        kind: str,
        inputs: Sequence[Blob],
        shapes: Sequence[Shape],
        parameters: Mapping[int, Number | Sequence[Number]] | None = None,
        weights: Sequence[Weight] = (),
    ) -> tuple[Blob, ...]:
        """Add a layer and return its outputs, one for each of `shapes`, at the exported size.

        The other arguments are those of `emit`.
        """
        name = f"{kind.lower()}_{len(self.layers)}"
        outputs = tuple(
            Blob(f"{name}_{index}" if len(shapes) > 1 else name, shape)
            for index, shape in enumerate(shapes)
        )
        self.layers.append(
            Layer(
                kind,
                name,
                tuple(blob.name for blob in inputs),
                tuple(blob.name for blob in outputs),
                tuple(shapes),
                parameters or {},
                tuple(weights),
            )
        )
        return outputs

    def reshaped(self, blob: Blob, shape: Shape) -> Blob:
        """Reshape a blob; a layer is added only if the shape differs.

        Elements keep their order, the last axis fastest.

        Raises:
            RefusedError: the shape has too many axes, or is empty.
        """
        if blob.shape == shape:
            return blob
        return self.emit("Reshape", (blob,), _allowed(shape), stated(shape))

    def representable(self, blob: Blob, tensor: Tensor) -> Blob:
        """Reshape a blob to a tensor's shape, or return it unchanged if ncnn has no such shape.

        Only a Reshape or Transpose may follow then; both use the sequence of elements alone.
        """
        try:
            return self.reshaped(blob, stored(tensor.shape))
        except RefusedError:
            return blob


@dataclass(frozen=True)
class LoweringContext:
    """An operation, and the builder of its layers.

    Attributes:
        operation: operation of the network, with ONNX's shapes.
        builder: gets the layers.
    """

    operation: Operation
    builder: Builder

    def read(self, index: int) -> Blob:
        """Return the blob of a required input; a constant is added as MemoryData.

        Raises:
            RefusedError: the tensor has too many axes.
            UnknownError: the operator that computes the tensor was refused.
        """
        return self.builder.read(self.operation.operand(index))

    @property
    def shape(self) -> Shape:
        """Shape of the first output in ncnn; raises RefusedError if it has too many axes."""
        return stored(self.operation.outputs[0].shape)

    def emit(
        self,
        kind: str,
        *inputs: Blob,
        parameters: Mapping[int, Number | Sequence[Number]] | None = None,
        weights: Sequence[Weight] = (),
    ) -> Blob:
        """Add the layer that writes the operation's first output, and return that.

        Args:
            kind: ncnn's layer type.
            inputs: blobs that it reads.
            parameters: values by ncnn's key.
            weights: in the order in which ncnn reads them.

        Raises:
            RefusedError: the output has more than ncnn's four axes, or is empty.
        """
        return self.builder.emit(kind, inputs, self.shape, parameters, weights)

    def attribute(self, name: str, default: Any) -> Any:
        """Return an ONNX attribute, or its default."""
        return self.operation.attributes.get(name, default)

    def constant(self, index: int, default: Any = None) -> NDArray[Any] | Any:
        """Return a constant input as an array, or the default if it is absent.

        Raises:
            RefusedError: the input is computed.
        """
        inputs = self.operation.inputs
        tensor = inputs[index] if len(inputs) > index else None
        if tensor is None:
            return default
        if tensor.data is None:
            raise RefusedError("it reads a value computed at run time that ncnn wants as a number")
        return np.asarray(tensor.data)

    def axis(self, axis: int, operand: int = 0) -> int:
        """Convert an axis of an input to ncnn's numbering.

        `axis` is ONNX's, negative from the end, of the input at index `operand`. The result counts
        the axes of `stored` from 0.

        Raises:
            RefusedError: it is the batch axis.
        """
        shape = self.operation.operand(operand).shape
        stored_axis = axis % len(shape) - (len(shape) - len(stored(shape)))
        if stored_axis < 0:
            raise RefusedError("it works along the axis of the batch, which ncnn does not have")
        return stored_axis
