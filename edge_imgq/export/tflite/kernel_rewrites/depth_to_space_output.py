"""Rewrite of a convolution with few output channels: b × b output pixels at once.

A kernel fills sixteen lanes with output channels. A convolution W with O of them is replaced by one
with b·b·O channels, O per pixel of a block, stride b and a kernel of K + b − 1:

    y[b·m + β] = Σ_t W[t] · x[b·m + β + t]  =  Σ_u V_β[u] · x[b·m + u],     V_β[u] = W[u − β],

followed by a depth-to-space. Taps outside W are zero, so every sum has the same terms: bit-exact in
int8. If a depth-to-space of s follows anyway, one of b·s replaces both. The rewrite is faster if
b·b·O fill the lanes better than O, against (K+b−1)²/b² taps per pixel instead of K².

Height and width must be multiples of b.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge_imgq.export.tflite.kernel_rewrites.same_convolution import (
    SameConvolution,
    blocked_bias,
    constant,
)
from edge_imgq.graph.network import Operation


@dataclass(frozen=True)
class DepthToSpaceOutput:
    """A convolution with few outputs and, if present, the DepthToSpace that is its only reader.

    Attributes:
        convolution: dense, stride 1, of an image (1, C, H, W).
        shuffle: DepthToSpace in mode DCR; None without one.
    """

    convolution: SameConvolution
    shuffle: Operation | None

    @property
    def upscale(self) -> int:
        """Block size of the existing DepthToSpace; 1 without one."""
        return 1 if self.shuffle is None else int(self.shuffle.attributes["blocksize"])

    def operations(self, block: int) -> tuple[Operation, ...]:
        """Return a convolution of stride b with b² times the outputs, and its depth-to-space.

        b is `block`, the side of a block in pixels, of which height and width are multiples. The
        kernel grows to K + b − 1. The depth-to-space replaces an existing one. Every sum has the
        same terms: bit-exact in int8; float sums may be taken in another order.
        """
        return _convolution(self, block), _shuffle(self, block)


def _convolution(rewrite: DepthToSpaceOutput, block: int) -> Operation:
    convolution = rewrite.convolution
    operation = convolution.operation
    order = _order(rewrite, block)
    weight = constant(convolution.weight, _kernel(rewrite, block), order)
    height, width = convolution.size
    channels = convolution.outputs * block * block
    output = replace(
        operation.output,
        name=f"{operation.output.name}/blocked",
        shape=(1, channels, height // block, width // block),
    )
    attributes = {**operation.attributes, "strides": (block, block)}
    attributes["kernel_shape"] = weight.shape[2:]
    return replace(
        operation,
        inputs=(operation.inputs[0], weight, blocked_bias(convolution.bias, order)),
        outputs=(output,),
        attributes=attributes,
    )


def _shuffle(rewrite: DepthToSpaceOutput, block: int) -> Operation:
    operation = rewrite.convolution.operation
    last = operation if rewrite.shuffle is None else rewrite.shuffle
    return Operation(
        kind="DepthToSpace",
        name=f"{operation.name}/pixels" if rewrite.shuffle is None else rewrite.shuffle.name,
        inputs=(_convolution(rewrite, block).output,),
        outputs=last.outputs,
        attributes={"blocksize": block * rewrite.upscale, "mode": "DCR"},
        activation=None if rewrite.shuffle is None else rewrite.shuffle.activation,
    )


def _order(rewrite: DepthToSpaceOutput, block: int) -> Any:
    """Map each new output channel to an old one.

    Old channels are (phase row, phase column, image channel); new ones are (block row, phase row,
    block column, phase column, image channel), the order that the larger depth-to-space reads.
    """
    s = rewrite.upscale
    old = np.arange(rewrite.convolution.outputs).reshape(1, s, 1, s, -1)
    return np.broadcast_to(old, (block, s, block, s, old.shape[-1])).reshape(-1)


def _kernel(rewrite: DepthToSpaceOutput, block: int) -> Any:
    """V_β[u] = W[u − β] for every pixel β of the block, channels in the order of `_order`."""
    weight = rewrite.convolution.weight.data
    assert weight is not None
    s = rewrite.upscale
    rows, columns = rewrite.convolution.kernel
    old = weight.reshape(s, s, -1, rewrite.convolution.inputs, rows, columns)
    kernel = np.zeros(
        (block, s, block, s, *old.shape[2:4], rows + block - 1, columns + block - 1), weight.dtype
    )
    for row, column in np.ndindex(block, block):
        kernel[row, :, column, :, :, :, row : row + rows, column : column + columns] = old
    return kernel.reshape(-1, *kernel.shape[5:])
