"""What operators are built with: blobs, the layers that write them, and the reasons of refusals.

ncnn's blobs have one to four axes, (w), (h, w), (c, h, w) or (c, d, h, w), and none for the batch:
a leading axis of length 1 is left out. An operator that would need more is refused.
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

MOST_AXES = 4
LARGEST = float(np.finfo(np.float32).max)


class RefusedError(Exception):
    """An operator has no form in ncnn; the message is a reason without its full stop."""


class UnknownError(Exception):
    """An operator reads what a refused one would compute, so nothing is said of it."""


@dataclass(frozen=True)
class Blob:
    """A tensor of ncnn's.

    Attributes:
        name: unique.
        shape: as ncnn has it, the last axis being w.
    """

    name: str
    shape: Shape


def stored(shape: Sequence[int]) -> Shape:
    """Return a tensor's shape as ncnn has it.

    Raises:
        RefusedError: it has too many axes, or an empty one.
    """
    kept = tuple(shape[1:]) if len(shape) > 1 and shape[0] == 1 else tuple(shape) or (1,)
    return _allowed(kept)


def _allowed(shape: Shape) -> Shape:
    if len(shape) > MOST_AXES:
        raise RefusedError(
            f"ncnn's tensors have at most {MOST_AXES} axes beside the batch; merge some in the "
            "model"
        )
    if 0 in shape:
        raise RefusedError("it has an empty tensor, which ncnn does not have")
    return shape


class Builder:
    """Layers as they are built, with the blob of every tensor."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self._blobs: dict[str, Blob] = {}

    def enter(self, tensor: Tensor, name: str) -> None:
        """Add the layer by which an image enters, under a name for apps."""
        shape = stored(tensor.shape)
        self.layers.append(Layer("Input", name, (), (name,), (shape,), {}))
        self.write(tensor, Blob(name, shape))

    def write(self, tensor: Tensor, blob: Blob) -> None:
        """Say which blob holds a tensor's numbers in their order."""
        self._blobs[tensor.name] = blob

    def read(self, tensor: Tensor) -> Blob:
        """Return the blob of a tensor, in the shape that `stored` gives; a constant becomes one.

        Raises:
            RefusedError: the tensor has too many axes.
            UnknownError: it comes from an operator that was refused.
        """
        if tensor.data is not None:
            return self.constant(np.asarray(tensor.data).reshape(stored(tensor.shape)))
        return self.reshaped(self.read_numbers(tensor), stored(tensor.shape))

    def read_numbers(self, tensor: Tensor) -> Blob:
        """Return a blob that holds a computed tensor's numbers in their order, in any shape.

        Raises:
            UnknownError: it comes from an operator that was refused.
        """
        if tensor.name not in self._blobs:
            raise UnknownError
        return self._blobs[tensor.name]

    def constant(self, values: NDArray[Any]) -> Blob:
        """Return a blob that holds numbers of a shape that ncnn has."""
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
        """Add a layer with one output, and return that."""
        return self.emit_all(kind, inputs, (shape,), parameters, weights)[0]

    def emit_all(
        self,
        kind: str,
        inputs: Sequence[Blob],
        shapes: Sequence[Shape],
        parameters: Mapping[int, Number | Sequence[Number]] | None = None,
        weights: Sequence[Weight] = (),
    ) -> tuple[Blob, ...]:
        """Add a layer, and return its outputs."""
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
        """Return a blob in another shape, its numbers in the same order."""
        if blob.shape == shape:
            return blob
        return self.emit("Reshape", (blob,), _allowed(shape), stated(shape))

    def representable(self, blob: Blob, tensor: Tensor) -> Blob:
        """Return a blob in a tensor's shape, or as it is where ncnn has no such shape.

        What follows is then a Reshape or a Transpose, which go by the order of the numbers alone.
        """
        try:
            return self.reshaped(blob, stored(tensor.shape))
        except RefusedError:
            return blob


@dataclass(frozen=True)
class LoweringContext:
    """An operation, and where its layers go."""

    operation: Operation
    builder: Builder

    def read(self, index: int) -> Blob:
        """Return the blob of an input that must be there."""
        return self.builder.read(self.operation.operand(index))

    @property
    def shape(self) -> Shape:
        """Shape of the first output, as ncnn has it."""
        return stored(self.operation.outputs[0].shape)

    def emit(
        self,
        kind: str,
        *inputs: Blob,
        parameters: Mapping[int, Number | Sequence[Number]] | None = None,
        weights: Sequence[Weight] = (),
    ) -> Blob:
        """Add a layer that writes the operation's output."""
        return self.builder.emit(kind, inputs, self.shape, parameters, weights)

    def attribute(self, name: str, default: Any) -> Any:
        """Return an attribute of the operation."""
        return self.operation.attributes.get(name, default)

    def constant(self, index: int, default: Any = None) -> NDArray[Any] | Any:
        """Return an input that must be a constant, as an array; the default where it is absent.

        Raises:
            RefusedError: it is computed at run time.
        """
        inputs = self.operation.inputs
        tensor = inputs[index] if len(inputs) > index else None
        if tensor is None:
            return default
        if tensor.data is None:
            raise RefusedError("it reads a value computed at run time that ncnn wants as a number")
        return np.asarray(tensor.data)

    def axis(self, axis: int, operand: int = 0) -> int:
        """Return an axis of an input as ncnn counts it.

        Raises:
            RefusedError: it is that of the batch.
        """
        shape = self.operation.operand(operand).shape
        found = axis % len(shape) - (len(shape) - len(stored(shape)))
        if found < 0:
            raise RefusedError("it works along the axis of the batch, which ncnn does not have")
        return found
