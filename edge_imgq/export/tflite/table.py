"""Which function lowers which ONNX operator. Adding an operator is one function and one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from edge_imgq.export.tflite.float_parts import DEQUANTIZE
from edge_imgq.export.tflite.operators import (
    activation,
    choice,
    convolution,
    elementwise,
    error_function,
    matrix,
    padding,
    pixels,
    pooling,
    resampling,
    shape,
    slicing,
    transposed_convolution,
)
from edge_imgq.graph.network import REQUANTIZE

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation


class Lowering(Protocol):
    """Writes one operation into the file, or raises RefusedError."""

    def __call__(self, file: Emitter, operation: Operation, /) -> None:
        """Write the operation."""
        ...


LOWERINGS: Mapping[str, Lowering] = {
    "Abs": elementwise.absolute,
    "Add": elementwise.add,
    "And": choice.both,
    "AveragePool": pooling.average_pool,
    "Cast": choice.cast,
    "Ceil": elementwise.ceiling,
    "Clip": activation.clip,
    "Concat": slicing.concatenation,
    "Conv": convolution.convolution,
    "ConvTranspose": transposed_convolution.transposed_convolution,
    "Cos": elementwise.cosine,
    "DepthToSpace": pixels.depth_to_space,
    DEQUANTIZE: activation.dequantize,
    "Div": elementwise.divide,
    "Dropout": activation.identity,
    "Elu": activation.exponential_linear,
    "Equal": choice.equal,
    "Erf": error_function.error_function,
    "Exp": elementwise.exponential,
    "Expand": shape.expand,
    "Flatten": shape.reshape,
    "Floor": elementwise.floor,
    "Gelu": activation.gelu,
    "Gemm": matrix.gemm,
    "GlobalAveragePool": pooling.global_average_pool,
    "Greater": choice.greater,
    "GreaterOrEqual": choice.greater_or_equal,
    "HardSwish": activation.hard_swish,
    "Identity": activation.identity,
    "LeakyRelu": activation.leaky_relu,
    "Less": choice.less,
    "LessOrEqual": choice.less_or_equal,
    "Log": elementwise.logarithm,
    "MatMul": matrix.matrix_product,
    "Max": elementwise.maximum,
    "MaxPool": pooling.max_pool,
    "Min": elementwise.minimum,
    "Mul": elementwise.multiply,
    "Neg": elementwise.negative,
    "Not": choice.negation,
    "Or": choice.either,
    "PRelu": activation.parametric_relu,
    "Pad": padding.pad,
    "Pow": elementwise.power,
    "Reciprocal": elementwise.reciprocal,
    "ReduceMax": pooling.reduce_max,
    "ReduceMean": pooling.reduce_mean,
    "ReduceMin": pooling.reduce_min,
    "Relu": activation.relu,
    REQUANTIZE: activation.identity,
    "Reshape": shape.reshape,
    "Resize": resampling.resize,
    "Round": elementwise.rounded,
    "Sigmoid": activation.sigmoid,
    "Sign": elementwise.sign,
    "Sin": elementwise.sine,
    "Slice": slicing.part,
    "Softmax": activation.softmax,
    "SpaceToDepth": pixels.space_to_depth,
    "Split": slicing.split,
    "Sqrt": elementwise.square_root,
    "Squeeze": shape.reshape,
    "Sub": elementwise.subtract,
    "Tanh": activation.tanh,
    "Tile": shape.tile,
    "Transpose": shape.transpose,
    "Unsqueeze": shape.reshape,
    "Where": choice.choice,
    "Xor": choice.one_of_both,
}
