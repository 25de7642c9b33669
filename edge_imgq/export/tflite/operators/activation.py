"""Lowering of activations that were not fused into the operation before.

All are elementwise except softmax.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import stored_axis, stored_shape
from edge_imgq.export.tflite.operators.padding import real_value
from edge_imgq.export.tflite.operators.weights import constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.graph.network import Activation, Quantization

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator
LOGISTIC_SCALE = (1 / 256, -128)
TANH_SCALE = (1 / 128, 0)


def relu(file: Emitter, operation: Operation) -> None:
    """Lower Relu to RELU, elementwise, in float32 or int8.

    An int8 output whose range begins at 0 needs no operator. Exact if input and output have
    one scale; else a QUANTIZE or MUL precedes it.
    """
    _clip(file, operation, Activation(0.0, math.inf))


def clip(file: Emitter, operation: Operation) -> None:
    """Lower Clip to RELU, RELU6, RELU_N1_TO_1, MAXIMUM or MINIMUM, in float32 or int8.

    Bounds are constant; an int8 output rounds them to its scale, and those at which it saturates
    anyway need no operator. Exact in float32.

    Raises:
        RefusedError: a bound is computed.
    """
    _clip(file, operation, Activation(_bound(operation, 1, "min"), _bound(operation, 2, "max")))


def leaky_relu(file: Emitter, operation: Operation) -> None:
    """Lower LeakyRelu to LEAKY_RELU, elementwise, in float32 or int8; by default alpha is 0.01.

    In int8, XNNPACK multiplies by factors that are rounded to multiples of 1/256.
    """
    options = schema.LeakyReluOptionsT()
    options.alpha = operation.attributes.get("alpha", 0.01)
    file.emit(operation, Code.LEAKY_RELU, [file.tensor(operation.operand(0))], options)


def parametric_relu(file: Emitter, operation: Operation) -> None:
    """Lower PRelu of an image (N, C, H, W) to PRELU with slopes (1, 1, C).

    In float32, also in int8 files, which have conversions around it; exact up to rounding.

    Raises:
        RefusedError: slopes are computed, or neither one number nor one per channel.
    """
    image, slope = operation.operand(0), constant_input(operation, 1)
    values = contents(slope)
    channels = image.shape[1]
    if values.size not in (1, channels) or (values.ndim == 4 and values.shape[1] != values.size):
        raise RefusedError("its slopes are neither one number nor one per channel.")
    slopes = np.broadcast_to(values.reshape(-1), (channels,)).reshape(1, 1, channels)
    inputs = [file.tensor(image), file.weights(slope, slopes, axis=0)]
    file.emit(operation, Code.PRELU, inputs)


def sigmoid(file: Emitter, operation: Operation) -> None:
    """Lower Sigmoid to LOGISTIC, elementwise, in float32 or int8.

    In int8 its result has scale 1/256 and zero point −128; a conversion follows if the output has
    another scale. Rounded in both types.
    """
    _fixed_scale(file, operation, Code.LOGISTIC, LOGISTIC_SCALE)


def tanh(file: Emitter, operation: Operation) -> None:
    """Lower Tanh to TANH, elementwise, in float32 or int8.

    In int8 its result has scale 1/128 and zero point 0; a conversion follows if the output has
    another scale. Rounded in both types.
    """
    _fixed_scale(file, operation, Code.TANH, TANH_SCALE)


def gelu(file: Emitter, operation: Operation) -> None:
    """Lower Gelu to GELU, elementwise, in float32 also in int8 files, up to its rounding.

    By erf, or with the tanh approximation if `approximate` is "tanh".
    """
    options = schema.GeluOptionsT()
    options.approximate = operation.attributes.get("approximate", "none") == "tanh"
    file.emit(operation, Code.GELU, [file.tensor(operation.operand(0))], options)


def exponential_linear(file: Emitter, operation: Operation) -> None:
    """Lower Elu to ELU, x above 0, else exp(x) − 1, elementwise, up to float32 rounding.

    In float32 also in int8 files.

    Raises:
        RefusedError: α is not 1, TFLite's only value.
    """
    if operation.attributes.get("alpha", 1.0) != 1.0:
        raise RefusedError("TFLite's ELU has α = 1 only.")
    file.emit(operation, Code.ELU, [file.tensor(operation.operand(0))])


def hard_swish(file: Emitter, operation: Operation) -> None:
    """Lower HardSwish to HARD_SWISH: x · clip(x / 6 + ½, 0, 1), elementwise.

    In float32 also in int8 files, up to its rounding.
    """
    image = file.tensor(operation.operand(0))
    file.emit(operation, Code.HARD_SWISH, [image], schema.HardSwishOptionsT())


def softmax(file: Emitter, operation: Operation) -> None:
    """Lower Softmax to SOFTMAX along the last stored axis, between TRANSPOSEs for other axes.

    `axis` is that of ONNX, by default the last; of an image (N, C, H, W), stored NHWC, axis 1 needs
    no TRANSPOSE. Always in float32, up to its rounding: an int8 file has DEQUANTIZE before and
    QUANTIZE after it, since no kernel profile has an integer kernel for Softmax
    (`edge_imgq.kernels.xnnpack`).
    """
    output, name = operation.output, operation.name
    rank = len(output.shape)
    axis = stored_axis(operation.attributes.get("axis", -1), rank)
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    if axis == rank - 1:
        file.emit(operation, Code.SOFTMAX, [file.tensor(operation.operand(0))], options)
        return
    order = list(range(rank))
    order[axis], order[-1] = order[-1], order[axis]
    stored = stored_shape(output.shape)
    unclipped = dataclasses.replace(output, name=f"{output.name}/natural")
    shape = [stored[source] for source in order]
    transposed = file.intermediate(f"{name}/turned", shape, None)
    weights = file.intermediate(f"{name}/weights", shape, None)
    permutation = file.numbers(order, f"{name}/order")
    sources = [file.tensor(operation.operand(0)), permutation]
    file.writer.add_operator(Code.TRANSPOSE, sources, [transposed], schema.TransposeOptionsT())
    file.writer.add_operator(Code.SOFTMAX, [transposed], [weights], options)
    back, result = [weights, permutation], file.tensor(unclipped)
    file.writer.add_operator(Code.TRANSPOSE, back, [result], schema.TransposeOptionsT())
    file.clip(operation, result)


def identity(file: Emitter, operation: Operation) -> None:
    """Lower Identity, Dropout and Requantize to nothing, or to a conversion if the scale changes.

    The conversion is a QUANTIZE, or a MUL by one (`Emitter.requantized`); without it the result is
    exact.

    Raises:
        RefusedError: it is a Dropout in training mode.
    """
    if operation.kind == "Dropout" and len(operation.inputs) > 2:
        raise RefusedError("it is a Dropout in training mode. Export the model in evaluation mode.")
    _clip(file, operation, operation.activation)


def dequantize(file: Emitter, operation: Operation) -> None:
    """Lower Dequantize, int8 or int16 to float32, to DEQUANTIZE: scale · (q − zero point).

    A float region of an integer file begins with it. The product is rounded to float32.
    """
    source = file.tensor(operation.operand(0))
    file.emit(operation, Code.DEQUANTIZE, [source], schema.DequantizeOptionsT())


def _clip(file: Emitter, operation: Operation, bounds: Activation | None) -> None:
    """Requantize to the output's scale if it differs, then clip.

    Clipping and rescaling are monotonic, so they commute up to rounding. TFLite's RELU does both at
    once, but XNNPACK only runs it if the scales agree.
    """
    source = file.requantized(operation.operand(0), operation.output.quantization)
    file.clip(dataclasses.replace(operation, activation=_narrowed(bounds, operation)), source)


def _narrowed(bounds: Activation | None, operation: Operation) -> Activation | None:
    extra = operation.activation
    if bounds is None or extra is None:
        return bounds or extra
    return Activation(max(bounds.low, extra.low), min(bounds.high, extra.high))


def _bound(operation: Operation, index: int, attribute: str) -> float:
    absent = -math.inf if attribute == "min" else math.inf
    if len(operation.inputs) > index and operation.inputs[index] is not None:
        return real_value(constant_input(operation, index))
    return float(operation.attributes.get(attribute, absent))


def _fixed_scale(file: Emitter, operation: Operation, code: int, fixed: tuple[float, int]) -> None:
    """Add an operator whose int8 scale and zero point TFLite fixes, then convert to the output's.

    Args:
        file: file being written.
        operation: operation to lower.
        code: TFLite's operator.
        fixed: scale and zero point that the operator prescribes for its output.
    """
    output = operation.output
    source = file.tensor(operation.operand(0))
    if output.quantization is None:
        file.emit(operation, code, [source])
        return
    scale = Quantization(
        np.array(fixed[:1], np.float32), np.array(fixed[1:], np.int32), output.quantization.dtype
    )
    natural = dataclasses.replace(output, name=f"{output.name}/natural", quantization=scale)
    file.writer.add_operator(code, [source], [file.tensor(natural)])
    file.clip(operation, file.requantized(natural, output.quantization))
