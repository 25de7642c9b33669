"""Rewrite of a convolution whose output channels exceed whole kernel tiles by few.

A kernel computes sixteen output channels at a time, so twenty cost as much as thirty-two. The whole
tiles stay one convolution. The remaining channels are computed for b × b pixels at once
(`depth_to_space_output`), which fills a tile, and are concatenated to the others:

    20 outputs, 3×3:    9 · 32 lanes per pixel   →   9 · 16  +  4·4 · 16 / 4

Every sum has the same terms, and integers of one scale are concatenated unchanged: bit-exact in
int8. Height and width must be multiples of b.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edge_imgq.export.tflite.kernel_rewrites.depth_to_space_output import DepthToSpaceOutput
from edge_imgq.export.tflite.kernel_rewrites.same_convolution import (
    SameConvolution,
    constant,
)
from edge_imgq.graph.network import Operation, Tensor


@dataclass(frozen=True)
class RemainderOutput:
    """A convolution and the number of output channels to compute separately.

    Attributes:
        convolution: has more than `rest` output channels.
        rest: number of trailing channels that do not fill a tile.
    """

    convolution: SameConvolution
    rest: int

    def operations(self, block: int) -> tuple[Operation, ...]:
        """Return operations that compute the convolution's output in two parts and join them.

        A convolution computes the output channels that fill whole tiles, operations on blocks of
        pixels the last `rest` ones, and a Concat writes the original output (1, C, H, W). H and W
        must be multiples of `block`, a block's side in pixels, which is not checked. Bit-exact in
        int8; in float, sums of the last channels may be taken in another order.
        """
        first = self.convolution.outputs - self.rest
        whole = _output_slice(self.convolution, "whole", slice(0, first))
        rest = _output_slice(self.convolution, "rest", slice(first, None))
        operation = self.convolution.operation
        joined = Operation(
            "Concat",
            f"{operation.name}/joined",
            (whole.operation.output, rest.operation.output),
            operation.outputs,
            {"axis": 1},
        )
        return whole.operation, *DepthToSpaceOutput(rest, None).operations(block), joined


def _output_slice(convolution: SameConvolution, name: str, channels: slice) -> SameConvolution:
    """Return a convolution restricted to a range of output channels."""
    operation = convolution.operation
    order = np.arange(convolution.outputs)[channels]
    weight = _taken(convolution.weight, name, order)
    bias = None if convolution.bias is None else _taken(convolution.bias, name, order)
    batch, _, *size = operation.output.shape
    output = replace(
        operation.output,
        name=f"{operation.output.name}/{name}",
        shape=(batch, len(order), *size),
    )
    sliced = replace(
        operation,
        name=f"{operation.name}/{name}",
        inputs=(operation.inputs[0], weight, bias),
        outputs=(output,),
    )
    return replace(convolution, operation=sliced, weight=weight, bias=bias)


def _taken(tensor: Tensor, name: str, order: np.ndarray) -> Tensor:
    """Return a constant restricted to some output channels."""
    assert tensor.data is not None
    taken = constant(tensor, tensor.data[order], order)
    return replace(taken, name=f"{tensor.name}/{name}")
