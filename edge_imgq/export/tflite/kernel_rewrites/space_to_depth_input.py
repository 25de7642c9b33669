"""Rewrite of a convolution with few input channels: computed on blocks of b × b pixels.

An int8 kernel reads input channels in groups of eight, so a gray image costs as much as one with
eight channels. Space-to-depth turns b × b pixels into channels, the convolution works on blocks,
and depth-to-space restores the pixels. With indices β and γ in a block,

    y[b·m + β] = Σ_t W[t] · x[b·m + β + t] = Σ_T Σ_γ V_βγ[T] · x[b·(m + T) + γ],
    V_βγ[T] = W[b·T + γ − β],

the same terms in every sum: bit-exact in int8. Height and width must be multiples of b.
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
from edge_imgq.graph.cost.conv_cost import block_span
from edge_imgq.graph.network import Operation, Tensor


@dataclass(frozen=True)
class SpaceToDepthInput:
    """A convolution with few input channels.

    Attributes:
        convolution: dense, stride 1, of an image (1, C, H, W).
    """

    convolution: SameConvolution

    def operations(self, block: int) -> tuple[Operation, ...]:
        """Return a SpaceToDepth, the convolution on blocks of b × b pixels, and a DepthToSpace.

        b is `block`, of which height and width are multiples; the convolution has b² times the
        input and output channels. Every sum has the same terms: bit-exact in int8; float sums are
        taken in another order.
        """
        convolution = self.convolution
        operation = convolution.operation
        image = operation.operand(0)
        blocks = _blocked(image, block)
        sums = _blocked(operation.output, block)
        order = np.tile(np.arange(convolution.outputs), block * block)
        weight = constant(convolution.weight, _kernel(convolution, block), order)
        (top, bottom), (left, right) = _spans(convolution, block)
        attributes = {
            **operation.attributes,
            "kernel_shape": weight.shape[2:],
            "pads": (-top, -left, bottom, right),
        }
        name = operation.name
        return (
            Operation("SpaceToDepth", f"{name}/blocks", (image,), (blocks,), {"blocksize": block}),
            replace(
                operation,
                inputs=(blocks, weight, blocked_bias(convolution.bias, order)),
                outputs=(sums,),
                attributes=attributes,
            ),
            Operation(
                "DepthToSpace",
                f"{name}/pixels",
                (sums,),
                operation.outputs,
                {"blocksize": block, "mode": "DCR"},
            ),
        )


def _blocked(tensor: Tensor, block: int) -> Tensor:
    batch, channels, height, width = tensor.shape
    shape = (batch, channels * block * block, height // block, width // block)
    return replace(tensor, name=f"{tensor.name}/blocked", shape=shape)


def _spans(convolution: SameConvolution, block: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return, for height and width, the first and last relative block T that a block reads."""
    (rows, columns), (top, left) = convolution.kernel, convolution.start
    return block_span(rows, top, block), block_span(columns, left, block)


def _kernel(convolution: SameConvolution, block: int) -> Any:
    """V_βγ[T] = W[b·T + γ − β]; output channels (β, O), input channels (γ, I)."""
    weight = convolution.weight.data
    assert weight is not None
    (top, bottom), (left, right) = _spans(convolution, block)
    outputs, inputs, rows, columns = weight.shape
    taps = (bottom - top + 1, right - left + 1)
    kernel = np.zeros((block, block, outputs, block, block, inputs, *taps), weight.dtype)
    for beta in np.ndindex(block, block):
        for row, column in np.ndindex(rows, columns):
            y = beta[0] + row - convolution.start[0]
            x = beta[1] + column - convolution.start[1]
            index = (y % block, x % block, slice(None), y // block - top, x // block - left)
            kernel[(*beta, slice(None), *index)] = weight[:, :, row, column]
    return kernel.reshape(block * block * outputs, block * block * inputs, *taps)
