"""Which parts of a float network compute on even and odd rows, so that minimal filters save time.

A convolution of three rows saves a third of its products on halves and pays for the sums
(`minimal_filter`). An image has to be taken apart before the first and put together after the last
(`halves`), so that whole stretches of a network are worth it, with all that stands between their
convolutions: what works on each pixel, or on one row, works on halves as it stands.

The stretch begins as all operations that can compute on halves and loses, one by one, those without
which it costs less. What is left of it is kept where it saves enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod

from edge_imgq.export.tflite.kernel_rewrites.row_parity_split import can_write_apart
from edge_imgq.export.tflite.kernel_rewrites.same_convolution import (
    PlainConvolution,
    plain_convolution,
)
from edge_imgq.export.tflite.kernel_rewrites.winograd_f23 import is_minimal
from edge_imgq.graph.convolution import convolution_in
from edge_imgq.graph.cost.conv_cost import minimal_filter_slots
from edge_imgq.graph.network import Network, Operation, Tensor
from edge_imgq.graph.operators import ELEMENTWISE, LOGICAL
from edge_imgq.kernels.profile import KernelProfile

BY_PIXEL = ELEMENTWISE - LOGICAL - {"Cast", "CastLike", "Where"} | {"Concat"}
"""Kinds that compute every pixel from the same pixel of their operands, or join channels.
A convolution that copies even or odd rows cannot copy truth values."""

LEAST = 0.1
"""Share of its convolutions' slots that a stretch must save."""

Cost = Callable[[PlainConvolution], float]


@dataclass(frozen=True)
class Stretch:
    """Operations of a network that compute on halves, by the first tensor that they write.

    Attributes:
        members: all of them.
        openings: convolutions before them, which write halves themselves.
    """

    members: frozenset[str]
    openings: frozenset[str]


def stretch_on_halves(network: Network, cost: Cost, kernels: KernelProfile) -> Stretch:
    """Return the operations of a network that should compute on halves.

    Args:
        network: float, or the answer is none.
        cost: slots per pixel of a convolution in its best form on the whole image.
        kernels: of the processor that the file is for.
    """
    if network.is_quantized or any(op.in_float for op in network.operations):
        return Stretch(frozenset(), frozenset())
    return _Search(network, cost, kernels).result()


class _Search:
    """The search for the stretch; `inside` is what it holds at the moment."""

    def __init__(self, network: Network, cost: Cost, kernels: KernelProfile) -> None:
        self.cost = kernels.halves
        self.operations = {written(op): op for op in network.operations}
        self.writers = {t.name: op for op in network.operations for t in op.outputs}
        self.leaving = {tensor.name for tensor in network.outputs}
        self.readers: dict[str, list[Operation]] = defaultdict(list)
        for operation in network.operations:
            for tensor in _images(operation):
                self.readers[tensor.name].append(operation)
        self.plain = {
            written(op): found
            for op in network.operations
            if (found := plain_convolution(op)) is not None
        }
        self.slots = {name: cost(found) for name, found in self.plain.items()}
        self.saved = {
            name: self.slots[name] * _pixels(self.operations[name].output)
            - _minimal(found, kernels)
            for name, found in self.plain.items()
            if is_minimal(found)
        }
        self.inside = {written(op) for op in network.operations if works_on_halves(op)}

    def result(self) -> Stretch:
        dropped = True
        while dropped:
            before = len(self.inside)
            for name in list(self.operations):
                if name in self.inside:
                    self._drop(name)
            dropped = len(self.inside) < before
        self.inside = {name for part in self._parts() if self._is_worth(part) for name in part}
        return self.stretch()

    def stretch(self) -> Stretch:
        openings = {
            written(writer)
            for name in self.inside
            for tensor in halved_operands(self.operations[name])
            if (writer := self._opening(tensor)) is not None
        }
        return Stretch(frozenset(self.inside), frozenset(openings))

    def _drop(self, name: str) -> None:
        """Take an operation out if that costs no more."""
        operation = self.operations[name]
        around = {t.name: t for t in (*halved_operands(operation), *operation.outputs)}
        before = self.saved.get(name, 0.0) - self._crossings(around.values())
        self.inside.remove(name)
        after = -self._crossings(around.values())
        if after < before:
            self.inside.add(name)

    def _crossings(self, tensors: Iterable[Tensor]) -> float:
        return sum(self._crossing(tensor) for tensor in tensors)

    def _crossing(self, tensor: Tensor) -> float:
        """Return what it costs that a tensor is written whole and read as halves, or otherwise."""
        writer = self.writers.get(tensor.name)
        numbers = prod(tensor.shape)
        is_read = [written(op) in self.inside for op in self.readers[tensor.name]]
        if writer is not None and written(writer) in self.inside:
            return self.cost.together * numbers * (tensor.name in self.leaving or not all(is_read))
        if not any(is_read) or self._opening(tensor) is not None:
            return 0.0
        return self.cost.apart * numbers

    def _opening(self, tensor: Tensor) -> Operation | None:
        """Return the convolution outside that can write a tensor in halves and nothing else."""
        writer = self.writers.get(tensor.name)
        if writer is None or written(writer) in self.inside:
            return None
        convolution = self.plain.get(written(writer))
        if convolution is None or not can_write_apart(convolution):
            return None
        only = all(written(op) in self.inside for op in self.readers[tensor.name])
        return writer if only and tensor.name not in self.leaving else None

    def _parts(self) -> list[set[str]]:
        """Return the parts of the stretch that tensors join."""
        left, parts = set(self.inside), []
        while left:
            part, edge = set(), [min(left)]
            while edge:
                name = edge.pop()
                if name in left:
                    left.remove(name)
                    part.add(name)
                    edge += self._neighbours(self.operations[name])
            parts.append(part)
        return parts

    def _neighbours(self, operation: Operation) -> list[str]:
        writers = [self.writers.get(tensor.name) for tensor in halved_operands(operation)]
        readers = [op for t in operation.outputs for op in self.readers[t.name]]
        return [written(op) for op in (*writers, *readers) if op is not None]

    def _is_worth(self, part: set[str]) -> bool:
        around = {
            tensor.name: tensor
            for name in part
            for tensor in (
                *halved_operands(self.operations[name]),
                *self.operations[name].outputs,
            )
        }
        gain = sum(self.saved.get(name, 0.0) for name in part) - self._crossings(around.values())
        whole = sum(
            self.slots[name] * _pixels(self.operations[name].output)
            for name in part
            if name in self.saved
        )
        return gain > LEAST * whole


def written(operation: Operation) -> str:
    """Return the name of the first tensor that an operation writes, which is its own alone."""
    return operation.outputs[0].name


def works_on_halves(operation: Operation) -> bool:
    """Tell whether an operation has a form that reads and writes its images as halves."""
    convolution = plain_convolution(operation)
    return _has_halves(operation) and (
        (convolution is not None and is_minimal(convolution))
        or _is_by_row(operation)
        or _is_by_pixel(operation)
    )


def halved_operands(operation: Operation) -> tuple[Tensor, ...]:
    """Return the operands that an operation on halves reads as halves."""
    height = operation.outputs[0].shape[2]
    return tuple(tensor for tensor in _images(operation) if tensor.shape[2] == height)


def _images(operation: Operation) -> Sequence[Tensor]:
    return [t for t in operation.inputs if t is not None and t.data is None]


def _pixels(tensor: Tensor) -> int:
    return tensor.shape[2] * tensor.shape[3]


def _minimal(convolution: PlainConvolution, kernels: KernelProfile) -> float:
    pixels, layer = _pixels(convolution.operation.output), convolution.layer(quantized=False)
    return minimal_filter_slots(layer, pixels, kernels) * pixels


def _has_halves(operation: Operation) -> bool:
    """Tell whether the output is one image of even height and width, and the operands follow it."""
    tensors = [*operation.outputs, *_images(operation)]
    if len(operation.outputs) != 1 or any(len(tensor.shape) != 4 for tensor in tensors):
        return False
    height, width = operation.output.shape[2:]
    return (
        not (height % 2 or width % 2)
        and all(tensor.shape[2:] == (height, width) for tensor in halved_operands(operation))
        and all(tensor.shape[2] in (1, height) for tensor in _images(operation))
        and len(halved_operands(operation)) > 0
    )


def _is_by_row(operation: Operation) -> bool:
    """Tell whether an operation is a convolution of one row, which keeps the rows of its image."""
    found = convolution_in(operation)
    if found is None or found.pads is None or found.is_transposed:
        return False
    rows = (found.kernel[0], found.strides[0])
    return rows == (1, 1) and not (found.pads[0] or found.pads[2])


def _is_by_pixel(operation: Operation) -> bool:
    constants = [t for t in operation.inputs if t is not None and t.data is not None]
    flat = all(len(tensor.shape) < 2 or tensor.shape[-2] == 1 for tensor in constants)
    axis = operation.attributes.get("axis", 1) if operation.kind == "Concat" else 1
    return operation.kind in BY_PIXEL and flat and axis == 1
