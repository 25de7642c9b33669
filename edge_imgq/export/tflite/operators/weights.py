"""Weights and biases in the layout of TFLite's convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.graph.network import Quantization, Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import IntegerType, Operation


def constant_input(operation: Operation, index: int) -> Tensor:
    """Return the input of an operation at an index, counted from 0, which must be a constant.

    Raises:
        RefusedError: the input is computed.
    """
    tensor = operation.operand(index)
    if tensor.data is None:
        raise RefusedError(f"its input '{tensor.name}' is computed, and must be a constant.")
    return tensor


def contents(tensor: Tensor) -> NDArray[Any]:
    """Return the stored values of a constant in ONNX's axis order; integers are not dequantized.

    Raises:
        RefusedError: the tensor is not constant.
    """
    if tensor.data is None:
        raise RefusedError(f"'{tensor.name}' is not a constant.")
    return tensor.data


def bias(file: Emitter, operation: Operation, kernel: Tensor, channels: int) -> int:
    """Add the bias of a convolution or matrix product, zeros if it has none; return its index.

    A float bias is float32. An integer bias is int32, and int64 where the input is int16; it has
    scale input × weights, per channel if the weights are, as TFLite's quantization specification
    requires. That float32 product replaces the scale in the graph.

    Args:
        file: file being written.
        operation: its third input is the bias, (channels,).
        kernel: its weights.
        channels: number of output channels.

    Raises:
        RefusedError: the bias is computed.
    """
    given = operation.inputs[2] if len(operation.inputs) > 2 else None
    image = operation.operand(0).quantization
    name = f"{operation.name}/bias" if given is None else given.name
    if image is None or kernel.quantization is None:
        values = np.zeros(channels, np.float32) if given is None else contents(given)
        return file.weights(Tensor(name, values.shape), values, axis=0)
    scale = np.asarray(image.scale[0] * kernel.quantization.scale, np.float32)
    dtype: IntegerType = "int64" if image.dtype == "int16" else "int32"
    quantization = Quantization(scale, np.zeros(scale.shape, np.int32), dtype, axis=0)
    values = np.zeros(channels, np.int32) if given is None else contents(given)
    return file.weights(Tensor(name, values.shape, quantization), values, axis=0)
