"""Float regions of an int8 file: operators without an integer kernel, and statistics.

The quantizer leaves values inside marked regions without a scale (the variance of a normalisation,
`edge_imgq.graph.float_regions`, or layers that a recipe keeps in float), and TFLite has no int8
kernel for some operators. Inputs of such a region are dequantized once, its outputs quantized, and
the operators in between are those of a float file. XNNPACK runs the conversions and the operators
in its partition.

A bilinear Resize has integer kernels: XNNPACK's with 11-bit weights, and TFLite's, whose positions
are multiples of 1/1024 and so drift along the row. A Resize that needs finer weights is
computed in float as well, plus the fraction of a level that the QDQ graph adds to avoid ties.
Power-of-two denominators stay in integers (`edge_imgq.quantize.qdq.resize_rounding` describes the
rounding of ties). A Resize without a TFLite operator is computed in float too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.export.tflite.operators.pooling import leaves_padding_out
from edge_imgq.export.tflite.operators.resize import has_operator
from edge_imgq.graph.float_regions import MARKABLE
from edge_imgq.graph.network import REQUANTIZE, TIE_BREAK, Network, Operation, Tensor
from edge_imgq.graph.operators import WEIGHT_AXIS
from edge_imgq.graph.resize_sampling import matrix
from edge_imgq.kernels.profile import KernelProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

REARRANGED = WEIGHT_AXIS.keys() | {"DepthToSpace", "SpaceToDepth"}
"""Operators in the fast rewrite of a float layer (`edge_imgq.export.tflite.kernel_rewrites`)."""

DEQUANTIZE = "Dequantize"
"""Kind of the operation that converts integers to real numbers."""


@dataclass(frozen=True)
class FileOperation:
    """An operation as it is written to a file.

    Attributes:
        operation: operation of the network, or a conversion.
        is_float: True if it may have float tensors in an int8 file.
    """

    operation: Operation
    is_float: bool


def with_float_fallback(network: Network, kernels: KernelProfile) -> Iterator[FileOperation]:
    """Yield a network's operations, with conversions around those that compute in float.

    Before an operation without an integer kernel, or with a float operand, each quantized input is
    dequantized once; its quantized outputs are computed in float32 and then quantized by a
    Requantize. A linear Resize there also adds a fraction of a level, as the QDQ graph does, which
    keeps results off ties. Operations of a float network are yielded unchanged.

    Args:
        network: float or quantized.
        kernels: integer kernels of the target processor.
    """
    if not network.is_quantized:
        for operation in network.operations:
            yield FileOperation(operation, True)
        return
    real: dict[str, Tensor] = {}
    for operation in network.operations:
        if not _computes_in_float(operation, kernels):
            yield FileOperation(operation, False)
            continue
        for tensor in operation.inputs:
            if tensor is not None and _needs_dequantizing(tensor) and tensor.name not in real:
                real[tensor.name] = _dequantized(tensor)
                if tensor.data is None:
                    kind, name = DEQUANTIZE, f"{tensor.name}/dequantize"
                    yield FileOperation(
                        Operation(kind, name, (tensor,), (real[tensor.name],), {}), True
                    )
        yield from _in_float(operation, real)


def _computes_in_float(operation: Operation, kernels: KernelProfile) -> bool:
    if operation.in_float or operation.kind in kernels.no_integer_kernel:
        return True
    if _interpolates_finely(operation) or _has_float_weights(operation):
        return True
    if leaves_padding_out(operation):
        return True
    if operation.kind not in MARKABLE | REARRANGED:
        return False
    tensors = [*operation.outputs, *(t for t in operation.inputs if t is not None)]
    return any(t.data is None and t.quantization is None for t in tensors)


def _has_float_weights(operation: Operation) -> bool:
    if operation.kind not in WEIGHT_AXIS:
        return False
    weights = operation.operand(1)
    return weights.data is not None and weights.quantization is None


def _interpolates_finely(operation: Operation) -> bool:
    """Return True if no integer kernel computes a Resize with exact weights."""
    if operation.kind != "Resize" or len(operation.output.shape) != 4:
        return False
    if not has_operator(operation):
        return True
    if operation.attributes.get("mode", "nearest") != "linear":
        return False
    denominators = [_denominator(matrix(operation, axis)) for axis in (2, 3)]
    return math.prod(denominators) not in EXACT_DENOMINATORS


EXACT_DENOMINATORS = frozenset({1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024})
"""Denominators of interpolation weights that every integer kernel represents exactly."""


def _denominator(table: NDArray[np.float64]) -> int:
    """Return the smallest of EXACT_DENOMINATORS that makes all weights integers, or 0."""
    for denominator in sorted(EXACT_DENOMINATORS):
        if np.allclose(table * denominator, np.rint(table * denominator), atol=WHOLE, rtol=0):
            return denominator
    return 0


WHOLE = 1e-4
"""Largest distance of a weight times its denominator from an integer."""


def _needs_dequantizing(tensor: Tensor) -> bool:
    return tensor.quantization is not None


def _dequantized(tensor: Tensor) -> Tensor:
    """Return the float tensor of an integer one; a constant is dequantized here."""
    name, quantization = f"{tensor.name}/real", tensor.quantization
    if tensor.data is None or quantization is None:
        return Tensor(name, tensor.shape)
    levels = tensor.data.astype(np.float32) - quantization.zero_point[0].astype(np.float32)
    return Tensor(name, tensor.shape, None, levels * quantization.scale[0])


def _in_float(operation: Operation, real: dict[str, Tensor]) -> Iterator[FileOperation]:
    inputs = tuple(t if t is None else real.get(t.name, t) for t in operation.inputs)
    outputs = tuple(t if t.quantization is None else _before_quantize(t) for t in operation.outputs)
    if _is_rounded_interpolation(operation):
        yield from _resized(replace(operation, inputs=inputs), operation.output)
    else:
        yield FileOperation(replace(operation, inputs=inputs, outputs=outputs), True)
    for tensor in operation.outputs:
        if tensor.quantization is not None:
            name = f"{tensor.name}/quantize"
            yield FileOperation(
                Operation(REQUANTIZE, name, (_before_quantize(tensor),), (tensor,), {}), True
            )


def _is_rounded_interpolation(operation: Operation) -> bool:
    linear = operation.attributes.get("mode", "nearest") == "linear"
    return operation.kind == "Resize" and linear and operation.output.quantization is not None


def _resized(resize: Operation, stored: Tensor) -> Iterator[FileOperation]:
    """Yield a float Resize and the addition that keeps its results off ties."""
    assert stored.quantization is not None
    plain, shifted = Tensor(f"{stored.name}/plain", stored.shape), _before_quantize(stored)
    level = stored.quantization.scale[0]
    shift = Tensor(f"{stored.name}/shift", (), None, np.array(level * np.float32(TIE_BREAK)))
    yield FileOperation(replace(resize, outputs=(plain,)), True)
    yield FileOperation(
        Operation("Add", f"{resize.name}/off_ties", (plain, shift), (shifted,), {}), True
    )


def _before_quantize(tensor: Tensor) -> Tensor:
    """Return the float result of an operation before its quantization.

    Only the quantizer reads it. Other float operations read the dequantized integers, because the
    QDQ graph rounds in between.
    """
    return Tensor(f"{tensor.name}/computed", tensor.shape)
