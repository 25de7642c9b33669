"""Convolutions that can be computed on blocks of pixels, and constants of the blocked kernels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge_imgq.graph.convolution import convolution_in
from edge_imgq.graph.cost.conv_cost import ConvShape
from edge_imgq.graph.network import Operation, Quantization, Tensor


@dataclass(frozen=True)
class SameConvolution:
    """A dense stride-1 convolution whose output has the input's size.

    Attributes:
        operation: the convolution in the network.
        weight: (O, I, K, L).
        bias: (O,), or None.
        kernel: (height, width) of the kernel.
        start: padding (top, left).
    """

    operation: Operation
    weight: Tensor
    bias: Tensor | None
    kernel: tuple[int, int]
    start: tuple[int, int]

    @property
    def inputs(self) -> int:
        """Number of input channels of the convolution."""
        return self.weight.shape[1]

    @property
    def outputs(self) -> int:
        """Number of output channels."""
        return self.weight.shape[0]

    def layer(self, *, quantized: bool, shuffled: bool = False) -> ConvShape:
        """Return what determines the convolution's cost: sizes, channels and type.

        Args:
            quantized: True for int8.
            shuffled: True if a DepthToSpace is its only reader.
        """
        return ConvShape(self.kernel, self.start, self.inputs, self.outputs, quantized, shuffled)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels of the input, which is that of the output."""
        return self.operation.output.shape[2], self.operation.output.shape[3]


def same_convolution(operation: Operation) -> SameConvolution | None:
    """Return an operation as a dense stride-1 convolution that keeps the image's size, or None.

    It must be a Conv with constant weights, one group, no dilation, and `pads` that add up to
    kernel − 1 along each axis (not `auto_pad`).
    """
    conv = convolution_in(operation)
    if conv is None or conv.pads is None or not (conv.is_dense and conv.keeps_size):
        return None
    bias = operation.inputs[2] if len(operation.inputs) > 2 else None
    return SameConvolution(operation, operation.operand(1), bias, conv.kernel, conv.pads[:2])


def constant(tensor: Tensor, data: Any, order: Any) -> Tensor:
    """Return a copy of a weight or bias with new contents: channels reordered or repeated.

    Scales and zero points per channel follow their channels; those per tensor stay as they are.

    Args:
        tensor: weight (O, …) or bias (O,), float32 or quantized.
        data: new contents (O', …), in the tensor's own dtype; output channels first.
        order: integers (O',): old output channel of each new one, whose scale and zero point it
            gets. `data` is not reordered: it is in the new order already.

    Returns:
        The copy, of the shape of `data`, with "/blocked" appended to its name.
    """
    quantization = tensor.quantization
    if quantization is not None and quantization.axis is not None:
        quantization = Quantization(
            quantization.scale[order],
            quantization.zero_point[order],
            quantization.dtype,
            quantization.axis,
        )
    data = np.ascontiguousarray(data)
    return replace(
        tensor,
        name=f"{tensor.name}/blocked",
        shape=tuple(data.shape),
        data=data,
        quantization=quantization,
    )


def blocked_bias(bias: Tensor | None, order: Any) -> Tensor | None:
    """Return a bias whose channels are repeated and reordered; None if there is no constant bias.

    Args:
        bias: (O,), float32 or int32.
        order: integers (O',): old channel of each new one.
    """
    if bias is None or bias.data is None:
        return None
    return constant(bias, bias.data[order], order)
