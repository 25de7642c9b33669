"""A network with a stretch of its operations computed on even and odd rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edge_imgq.export.tflite.kernel_rewrites.row_parity_split import (
    halves_of,
    put_together,
    taken_apart,
    written_apart,
)
from edge_imgq.export.tflite.kernel_rewrites.same_convolution import plain_convolution
from edge_imgq.export.tflite.kernel_rewrites.winograd_f23 import MinimalFilter, is_minimal
from edge_imgq.export.tflite.kernel_rewrites.winograd_region import (
    Stretch,
    halved_operands,
    written,
)
from edge_imgq.graph.network import Network, Operation, Tensor


def on_halves(network: Network, stretch: Stretch) -> Network:
    """Return a network whose stretch computes on halves; what it computes stays the same."""
    rewriting = _Rewriting(stretch, {tensor.name for tensor in network.inputs})
    for operation in network.operations:
        rewriting.add(operation)
    rewriting.whole(network.outputs)
    return replace(network, operations=tuple(rewriting.operations))


class _Rewriting:
    """The operations written so far, and which images exist whole or as halves."""

    def __init__(self, stretch: Stretch, whole: set[str]) -> None:
        self.stretch = stretch
        self.operations: list[Operation] = []
        self.is_whole = whole
        self.is_halved: set[str] = set()

    def add(self, operation: Operation) -> None:
        """Write an operation, behind what brings its operands into the form that it reads."""
        if written(operation) in self.stretch.members:
            self._halved(operation)
            return
        self.whole(t for t in operation.inputs if t is not None and t.data is None)
        convolution = plain_convolution(operation)
        if written(operation) in self.stretch.openings and convolution is not None:
            self.operations += written_apart(convolution)
            self.is_halved.add(operation.output.name)
            return
        self.operations.append(operation)
        self.is_whole.update(tensor.name for tensor in operation.outputs)

    def whole(self, images: Iterable[Tensor]) -> None:
        """See to it that images exist whole."""
        for image in images:
            if image.name not in self.is_whole:
                self.operations += put_together(image)
                self.is_whole.add(image.name)

    def _halved(self, operation: Operation) -> None:
        operands = halved_operands(operation)
        for image in operands:
            if image.name not in self.is_halved:
                self.operations += taken_apart(image)
                self.is_halved.add(image.name)
        self.whole(
            t for t in operation.inputs if t is not None and t.data is None and t not in operands
        )
        self.operations += _on_halves(operation, operands)
        self.is_halved.add(operation.output.name)


def _on_halves(operation: Operation, operands: tuple[Tensor, ...]) -> tuple[Operation, ...]:
    """Return an operation on halves, whose operands are there as halves."""
    target = halves_of(operation.output)
    convolution = plain_convolution(operation)
    if convolution is not None and is_minimal(convolution):
        return MinimalFilter(convolution, halves_of(operands[0]), target).operations()
    names = {tensor.name for tensor in operands}
    parts = []
    for side, output in zip(("even", "odd"), target, strict=True):
        inputs = tuple(
            getattr(halves_of(tensor), side)
            if tensor is not None and tensor.name in names
            else tensor
            for tensor in operation.inputs
        )
        parts.append(replace(operation, name=output.name, inputs=inputs, outputs=(output,)))
    return tuple(parts)
