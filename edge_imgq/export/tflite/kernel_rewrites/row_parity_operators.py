"""Rewrite of a region of a network to compute on even and odd rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edge_imgq.export.tflite.kernel_rewrites.row_parity_split import (
    interleave_rows,
    row_parity_of,
    split_rows,
    written_split,
)
from edge_imgq.export.tflite.kernel_rewrites.same_convolution import same_convolution
from edge_imgq.export.tflite.kernel_rewrites.winograd_f23 import WinogradF23, takes_winograd
from edge_imgq.export.tflite.kernel_rewrites.winograd_region import (
    Region,
    output_name,
    split_operands,
)
from edge_imgq.graph.network import Network, Operation, Tensor


def on_split_rows(network: Network, region: Region) -> Network:
    """Rewrite a region of the network to even and odd rows.

    An image (N, C, H, W) of even H becomes two of (N, C, H / 2, W), split where the region begins
    and interleaved where it ends. Three-row convolutions in it become Winograd's F(2, 3); other
    operations are written twice. Exact in real numbers; float32 rounding differs.

    Args:
        network: float, bound to a size.
        region: operations to rewrite; an empty one leaves the network unchanged.
    """
    rewriting = _Rewriting(region, {tensor.name for tensor in network.inputs})
    for operation in network.operations:
        rewriting.add(operation)
    rewriting.whole(network.outputs)
    return replace(network, operations=tuple(rewriting.operations))


class _Rewriting:
    """Operations written so far, and which images exist whole or as even and odd rows."""

    def __init__(self, region: Region, whole: set[str]) -> None:
        self.region = region
        self.operations: list[Operation] = []
        self.is_whole = whole
        self.is_split: set[str] = set()

    def add(self, operation: Operation) -> None:
        """Write an operation, preceded by the conversions that its operands need."""
        if output_name(operation) in self.region.members:
            self._add_split(operation)
            return
        self.whole(t for t in operation.inputs if t is not None and t.data is None)
        convolution = same_convolution(operation)
        if output_name(operation) in self.region.entries and convolution is not None:
            self.operations += written_split(convolution)
            self.is_split.add(operation.output.name)
            return
        self.operations.append(operation)
        self.is_whole.update(tensor.name for tensor in operation.outputs)

    def whole(self, images: Iterable[Tensor]) -> None:
        """Write operations that join even and odd rows of the images that exist only so."""
        for image in images:
            if image.name not in self.is_whole:
                self.operations += interleave_rows(image)
                self.is_whole.add(image.name)

    def _add_split(self, operation: Operation) -> None:
        """Write an operation of the region on even and odd rows."""
        operands = split_operands(operation)
        for image in operands:
            if image.name not in self.is_split:
                self.operations += split_rows(image)
                self.is_split.add(image.name)
        self.whole(
            t for t in operation.inputs if t is not None and t.data is None and t not in operands
        )
        self.operations += _on_split_rows(operation, operands)
        self.is_split.add(operation.output.name)


def _on_split_rows(operation: Operation, operands: tuple[Tensor, ...]) -> tuple[Operation, ...]:
    """Return an operation on even and odd rows, for operands that exist split."""
    target = row_parity_of(operation.output)
    convolution = same_convolution(operation)
    if convolution is not None and takes_winograd(convolution):
        return WinogradF23(convolution, row_parity_of(operands[0]), target).operations()
    names = {tensor.name for tensor in operands}
    by_parity = []
    for side, output in zip(("even", "odd"), target, strict=True):
        inputs = tuple(
            getattr(row_parity_of(tensor), side)
            if tensor is not None and tensor.name in names
            else tensor
            for tensor in operation.inputs
        )
        by_parity.append(replace(operation, name=output.name, inputs=inputs, outputs=(output,)))
    return tuple(by_parity)
