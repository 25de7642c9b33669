"""Selection of the float region whose convolutions use Winograd F(2, 3) over rows.

A three-row convolution on even and odd rows saves a third of its products and adds some sums
(`winograd_f23`). The image is split into even and odd rows before the first such convolution and
interleaved after the last (`row_parity_split`). A region of convolutions and the operators between
them has to save more than that. Elementwise and one-row operators work on split rows unchanged.

Greedy removal: the region starts as all operations that can compute on split rows. Operations are
dropped while that does not raise the cost. Each connected component that remains is used if it
saves more than WORTHWHILE.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod

from edge_imgq.export.tflite.kernel_rewrites.row_parity_split import can_write_split
from edge_imgq.export.tflite.kernel_rewrites.same_convolution import (
    SameConvolution,
    same_convolution,
)
from edge_imgq.export.tflite.kernel_rewrites.winograd_f23 import takes_winograd
from edge_imgq.graph.convolution import convolution_in
from edge_imgq.graph.cost.conv_cost import winograd_slots
from edge_imgq.graph.network import Network, Operation, Tensor
from edge_imgq.graph.operators import ELEMENTWISE, LOGICAL
from edge_imgq.kernels.profile import KernelProfile

BY_PIXEL = ELEMENTWISE - LOGICAL - {"Cast", "CastLike", "Where"} | {"Concat"}
"""Operators that compute each pixel from the same pixel of their operands, or concatenate channels.

Bool operators are excluded: the convolution that copies even or odd rows needs numbers.
"""

WORTHWHILE = 0.1
"""Fraction of its convolutions' slots that a region must save."""

Cost = Callable[[SameConvolution], float]


@dataclass(frozen=True)
class Region:
    """Operations that compute on even and odd rows, by the name of their first output.

    Attributes:
        members: all operations of the region.
        entries: preceding convolutions that write even and odd rows directly.
    """

    members: frozenset[str]
    entries: frozenset[str]


def winograd_region(network: Network, cost: Cost, kernels: KernelProfile) -> Region:
    """Choose the operations of a float network that should compute on even and odd rows.

    These are connected regions that save more than 10 % of the slots of their three-row
    convolutions.

    Args:
        network: a quantized network, or one with float regions, gives an empty region.
        cost: slots per pixel of a convolution in its cheapest other rewrite.
        kernels: kernels of the target processor.
    """
    if network.is_quantized or any(op.in_float for op in network.operations):
        return Region(frozenset(), frozenset())
    return RegionSearch(network, cost, kernels).result()


class RegionSearch:
    """Greedy search for the region that computes on even and odd rows.

    Attributes:
        inside: current members, by the name of their first output.
    """

    def __init__(self, network: Network, cost: Cost, kernels: KernelProfile) -> None:
        self.cost = kernels.row_parity
        self.operations = {output_name(op): op for op in network.operations}
        self.writers = {t.name: op for op in network.operations for t in op.outputs}
        self.leaving = {tensor.name for tensor in network.outputs}
        self.readers: dict[str, list[Operation]] = defaultdict(list)
        for operation in network.operations:
            for tensor in _images(operation):
                self.readers[tensor.name].append(operation)
        self.plain = {
            output_name(op): conv
            for op in network.operations
            if (conv := same_convolution(op)) is not None
        }
        self.slots = {name: cost(conv) for name, conv in self.plain.items()}
        self.saved = {
            name: self.slots[name] * _pixels(self.operations[name].output) - _minimal(conv, kernels)
            for name, conv in self.plain.items()
            if takes_winograd(conv)
        }
        self.inside = {output_name(op) for op in network.operations if can_split_rows(op)}

    def result(self) -> Region:
        """Drop operations until no drop lowers the cost; return the worthwhile components.

        Costs are slots of the whole image, an estimate. Greedy, so not always the optimum.
        """
        dropped = True
        while dropped:
            before = len(self.inside)
            for name in list(self.operations):
                if name in self.inside:
                    self._drop(name)
            dropped = len(self.inside) < before
        self.inside = {
            name
            for component in self._components()
            if self._is_worth(component)
            for name in component
        }
        return self.region()

    def region(self) -> Region:
        """Return the current region, with the convolutions before it that can write split rows."""
        entries = {
            output_name(writer)
            for name in self.inside
            for tensor in split_operands(self.operations[name])
            if (writer := self._entry(tensor)) is not None
        }
        return Region(frozenset(self.inside), frozenset(entries))

    def _drop(self, name: str) -> None:
        """Remove an operation from the region unless that raises the cost."""
        operation = self.operations[name]
        around = {t.name: t for t in (*split_operands(operation), *operation.outputs)}
        before = self.saved.get(name, 0.0) - self._boundary_costs(around.values())
        self.inside.remove(name)
        after = -self._boundary_costs(around.values())
        if after < before:
            self.inside.add(name)

    def _boundary_costs(self, tensors: Iterable[Tensor]) -> float:
        """Return the cost of splitting or interleaving tensors at the boundary, in slots."""
        return sum(self._boundary_cost(tensor) for tensor in tensors)

    def _boundary_cost(self, tensor: Tensor) -> float:
        """Return that of one tensor; 0 if it does not cross the boundary."""
        writer = self.writers.get(tensor.name)
        numbers = prod(tensor.shape)
        is_read = [output_name(op) in self.inside for op in self.readers[tensor.name]]
        if writer is not None and output_name(writer) in self.inside:
            return (
                self.cost.interleave * numbers * (tensor.name in self.leaving or not all(is_read))
            )
        if not any(is_read) or self._entry(tensor) is not None:
            return 0.0
        return self.cost.split * numbers

    def _entry(self, tensor: Tensor) -> Operation | None:
        """Return the outside convolution that can write a tensor as split rows, or None."""
        writer = self.writers.get(tensor.name)
        if writer is None or output_name(writer) in self.inside:
            return None
        convolution = self.plain.get(output_name(writer))
        if convolution is None or not can_write_split(convolution):
            return None
        only = all(output_name(op) in self.inside for op in self.readers[tensor.name])
        return writer if only and tensor.name not in self.leaving else None

    def _components(self) -> list[set[str]]:
        """Return the connected components of the region."""
        left, components = set(self.inside), []
        while left:
            component, edge = set(), [min(left)]
            while edge:
                name = edge.pop()
                if name in left:
                    left.remove(name)
                    component.add(name)
                    edge += self._neighbours(self.operations[name])
            components.append(component)
        return components

    def _neighbours(self, operation: Operation) -> list[str]:
        writers = [self.writers.get(tensor.name) for tensor in split_operands(operation)]
        readers = [op for t in operation.outputs for op in self.readers[t.name]]
        return [output_name(op) for op in (*writers, *readers) if op is not None]

    def _is_worth(self, component: set[str]) -> bool:
        around = {
            tensor.name: tensor
            for name in component
            for tensor in (
                *split_operands(self.operations[name]),
                *self.operations[name].outputs,
            )
        }
        gain = sum(self.saved.get(name, 0.0) for name in component) - self._boundary_costs(
            around.values()
        )
        whole = sum(
            self.slots[name] * _pixels(self.operations[name].output)
            for name in component
            if name in self.saved
        )
        return gain > WORTHWHILE * whole


def output_name(operation: Operation) -> str:
    """Return the name of an operation's first output, which identifies the operation."""
    return operation.outputs[0].name


def can_split_rows(operation: Operation) -> bool:
    """Return True if an operation can read and write its images as even and odd rows.

    It has one output (N, C, H, W) of even height and width, and operands of the same sides or one
    row. It is a three-row convolution (`takes_winograd`), a convolution of one unpadded row of
    stride 1, an elementwise operator, or a Concat of channels.
    """
    convolution = same_convolution(operation)
    return _has_row_parities(operation) and (
        (convolution is not None and takes_winograd(convolution))
        or _is_by_row(operation)
        or _is_by_pixel(operation)
    )


def split_operands(operation: Operation) -> tuple[Tensor, ...]:
    """Return the computed operands that are split into even and odd rows.

    They have the output's height. Constants, and operands of one row, which are broadcast, are not
    split.
    """
    height = operation.outputs[0].shape[2]
    return tuple(tensor for tensor in _images(operation) if tensor.shape[2] == height)


def _images(operation: Operation) -> Sequence[Tensor]:
    return [t for t in operation.inputs if t is not None and t.data is None]


def _pixels(tensor: Tensor) -> int:
    return tensor.shape[2] * tensor.shape[3]


def _minimal(convolution: SameConvolution, kernels: KernelProfile) -> float:
    pixels, layer = _pixels(convolution.operation.output), convolution.layer(quantized=False)
    return winograd_slots(layer, pixels, kernels) * pixels


def _has_row_parities(operation: Operation) -> bool:
    """Return True if the output is one image of even sides and all operands match it."""
    tensors = [*operation.outputs, *_images(operation)]
    if len(operation.outputs) != 1 or any(len(tensor.shape) != 4 for tensor in tensors):
        return False
    height, width = operation.output.shape[2:]
    return (
        not (height % 2 or width % 2)
        and all(tensor.shape[2:] == (height, width) for tensor in split_operands(operation))
        and all(tensor.shape[2] in (1, height) for tensor in _images(operation))
        and len(split_operands(operation)) > 0
    )


def _is_by_row(operation: Operation) -> bool:
    """Return True if an operation is a convolution with one unpadded, unstrided row."""
    conv = convolution_in(operation)
    if conv is None or conv.pads is None or conv.is_transposed:
        return False
    rows = (conv.kernel[0], conv.strides[0])
    return rows == (1, 1) and not (conv.pads[0] or conv.pads[2])


def _is_by_pixel(operation: Operation) -> bool:
    constants = [t for t in operation.inputs if t is not None and t.data is not None]
    by_pixel = all(len(tensor.shape) < 2 or tensor.shape[-2] == 1 for tensor in constants)
    axis = operation.attributes.get("axis", 1) if operation.kind == "Concat" else 1
    return operation.kind in BY_PIXEL and by_pixel and axis == 1
