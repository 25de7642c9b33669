"""Rewrite of a strided convolution with few input channels: computed on s × s blocks.

As in `space_to_depth_input`, but the block size equals the stride s, so the convolution on blocks
has stride 1 and no depth-to-space follows. With index γ in a block and padding p,

    y[m] = Σ_t W[t] · x[s·m + t − p] = Σ_T Σ_γ V_γ[T] · x[s·(m + T) + γ],
    V_γ[T] = W[s·T + γ + p],

the same terms in every sum: bit-exact in int8. For a gray image, a 6 × 6 kernel and stride 2, int8
kernels read nine groups of eight channels instead of 36.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge_imgq.export.tflite.kernel_rewrites.same_convolution import constant
from edge_imgq.graph.convolution import convolution_in
from edge_imgq.graph.cost.conv_cost import block_span
from edge_imgq.graph.network import Operation, Tensor
from edge_imgq.kernels.profile import KernelProfile

Span = tuple[int, int]


@dataclass(frozen=True)
class StridedSpaceToDepth:
    """A convolution with equal row and column strides that divides the sides by its stride.

    Attributes:
        operation: the convolution in the network.
        weight: (O, I, K, L).
        stride: s.
        start: padding (top, left).
    """

    operation: Operation
    weight: Tensor
    stride: int
    start: tuple[int, int]

    def share(self, kernels: KernelProfile, *, quantized: bool) -> float:
        """Return the estimated cost of the rewrite divided by the plain convolution's.

        Below 1 the rewrite is cheaper. Costs are multiply-accumulates, idle lanes included
        (`Tile.slots`), and that of the rewrite includes the copy to blocks.
        """
        outputs, inputs, rows, columns = self.weight.shape
        tile = kernels.tile(quantized=quantized)
        plain = tile.slots(rows * columns, inputs, outputs)
        (top, bottom), (left, right) = self.spans
        taps, channels = (bottom - top + 1) * (right - left + 1), inputs * self.stride**2
        return (tile.slots(taps, channels, outputs) + kernels.copy * channels) / plain

    @property
    def spans(self) -> tuple[Span, Span]:
        """For height and width, the first and last relative block T that an output reads."""
        sides = zip(self.weight.shape[2:], self.start, strict=True)
        rows, columns = (
            block_span(kernel - self.stride + 1, p, self.stride) for kernel, p in sides
        )
        return rows, columns

    def operations(self) -> tuple[Operation, ...]:
        """Return the SpaceToDepth by the stride s, and the convolution of stride 1 on its blocks.

        The convolution reads s² times the channels. Every sum has the same terms: bit-exact in
        int8; float sums are taken in another order.
        """
        operation, stride = self.operation, self.stride
        image = operation.operand(0)
        batch, channels, height, width = image.shape
        shape = (batch, channels * stride**2, height // stride, width // stride)
        blocks = replace(image, name=f"{operation.output.name}/strided", shape=shape)
        weight = constant(self.weight, self._kernel(), np.arange(self.weight.shape[0]))
        (top, bottom), (left, right) = self.spans
        attributes = {
            **operation.attributes,
            "kernel_shape": weight.shape[2:],
            "strides": (1, 1),
            "pads": (-top, -left, bottom, right),
        }
        return (
            Operation(
                "SpaceToDepth",
                f"{operation.name}/blocks",
                (image,),
                (blocks,),
                {"blocksize": stride},
            ),
            replace(
                operation, inputs=(blocks, weight, *operation.inputs[2:]), attributes=attributes
            ),
        )

    def _kernel(self) -> Any:
        """V_γ[T] = W[s·T + γ + p]; input channels (γ, I)."""
        assert self.weight.data is not None
        (top, bottom), (left, right) = self.spans
        outputs, inputs, rows, columns = self.weight.shape
        s, taps = self.stride, (bottom - top + 1, right - left + 1)
        kernel = np.zeros((outputs, s, s, inputs, *taps), self.weight.data.dtype)
        for row, column in np.ndindex(rows, columns):
            y, x = row - self.start[0], column - self.start[1]
            index = (slice(None), y % s, x % s, slice(None), y // s - top, x // s - left)
            kernel[index] = self.weight.data[:, :, row, column]
        return kernel.reshape(outputs, s * s * inputs, *taps)


def strided_space_to_depth(operation: Operation) -> StridedSpaceToDepth | None:
    """Return an operation as a convolution that this rewrite applies to, or None.

    It applies to a dense Conv of an image (N, C, H, W) with constant weights and equal strides s
    above 1 whose output has exactly H / s × W / s pixels.
    """
    conv = convolution_in(operation)
    if conv is None or conv.pads is None or conv.is_transposed or not conv.is_dense:
        return None
    image, output = operation.operand(0).shape, operation.output.shape
    stride = conv.strides[0]
    fits = (
        len(image) == 4
        and conv.strides == (stride, stride)
        and stride > 1
        and all(
            side == stride * written for side, written in zip(image[2:], output[2:], strict=True)
        )
    )
    return (
        StridedSpaceToDepth(operation, operation.operand(1), stride, conv.pads[:2])
        if fits
        else None
    )
