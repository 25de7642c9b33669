"""Float parts of an int8 file: operators without an integer kernel, and statistics.

The quantizer leaves the values between marked operators without a scale (the variance of a
normalisation, `edge_imgq.graph.arithmetic`), and some operators have no int8 kernel in TFLite. What
enters them is dequantized once, what leaves them is quantized, and in between the operators are
those of a float file. XNNPACK runs both conversions and the operators in its partition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge_imgq.graph.arithmetic import MARKABLE, NO_INTEGER_KERNEL
from edge_imgq.graph.network import REQUANTIZE, Network, Operation, Tensor

DEQUANTIZE = "Dequantize"
"""Kind of the operation that turns integers into the numbers they stand for."""


@dataclass(frozen=True)
class Part:
    """An operation, and whether it may hold float tensors in an int8 file."""

    operation: Operation
    is_float: bool


def parts(network: Network) -> Iterator[Part]:
    """Yield a network's operations, with conversions around those that compute in float."""
    if not network.is_quantized:
        for operation in network.operations:
            yield Part(operation, True)
        return
    real: dict[str, Tensor] = {}
    for operation in network.operations:
        if not _computes_in_float(operation):
            yield Part(operation, False)
            continue
        for tensor in operation.inputs:
            if tensor is not None and _needs_dequantizing(tensor) and tensor.name not in real:
                real[tensor.name] = _real(tensor)
                if tensor.data is None:
                    kind, name = DEQUANTIZE, f"{tensor.name}/dequantize"
                    yield Part(Operation(kind, name, (tensor,), (real[tensor.name],), {}), True)
        yield from _in_float(operation, real)


def _computes_in_float(operation: Operation) -> bool:
    if operation.kind in NO_INTEGER_KERNEL:
        return True
    if operation.kind not in MARKABLE:
        return False
    tensors = [*operation.outputs, *(t for t in operation.inputs if t is not None)]
    return any(t.data is None and t.quantization is None for t in tensors)


def _needs_dequantizing(tensor: Tensor) -> bool:
    return tensor.quantization is not None


def _real(tensor: Tensor) -> Tensor:
    """Return the float form of an integer tensor; a constant with its contents."""
    name, quantization = f"{tensor.name}/real", tensor.quantization
    if tensor.data is None or quantization is None:
        return Tensor(name, tensor.shape)
    steps = tensor.data.astype(np.float32) - quantization.zero_point[0].astype(np.float32)
    return Tensor(name, tensor.shape, None, steps * quantization.scale[0])


def _in_float(operation: Operation, real: dict[str, Tensor]) -> Iterator[Part]:
    inputs = tuple(t if t is None else real.get(t.name, t) for t in operation.inputs)
    outputs = tuple(t if t.quantization is None else _computed(t) for t in operation.outputs)
    yield Part(replace(operation, inputs=inputs, outputs=outputs), True)
    for tensor in operation.outputs:
        if tensor.quantization is not None:
            name = f"{tensor.name}/quantize"
            yield Part(Operation(REQUANTIZE, name, (_computed(tensor),), (tensor,), {}), True)


def _computed(tensor: Tensor) -> Tensor:
    """Return what a float operation computes before it is quantized.

    Only the quantizer reads it. Another float operation reads the integers, dequantized: the QDQ
    graph says that they were rounded in between.
    """
    return Tensor(f"{tensor.name}/computed", tensor.shape)
