"""Table of ONNX operators and the functions that lower them to TFLite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from edge_imgq.export.tflite.float_fallback import DEQUANTIZE
from edge_imgq.export.tflite.operators import (
    activation,
    compare_select,
    convolution,
    elementwise,
    erf,
    matmul,
    padding,
    pixel_shuffle,
    pooling,
    resize,
    shape,
    slice_concat,
    transposed_convolution,
)
from edge_imgq.graph.network import REQUANTIZE

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation


class Lowering(Protocol):
    """Function that writes one operation into a file."""

    def __call__(self, file: Emitter, operation: Operation, /) -> None:
        """Write the operation; raise RefusedError if TFLite cannot express it."""
        ...


LOWERINGS: Mapping[str, Lowering] = {
    "Abs": elementwise.absolute,
    "Add": elementwise.add,
    "And": compare_select.logical_and,
    "AveragePool": pooling.average_pool,
    "Cast": compare_select.cast,
    "Ceil": elementwise.ceiling,
    "Clip": activation.clip,
    "Concat": slice_concat.concatenation,
    "Conv": convolution.convolution,
    "ConvTranspose": transposed_convolution.transposed_convolution,
    "Cos": elementwise.cosine,
    "DepthToSpace": pixel_shuffle.depth_to_space,
    DEQUANTIZE: activation.dequantize,
    "Div": elementwise.divide,
    "Dropout": activation.identity,
    "Elu": activation.exponential_linear,
    "Equal": compare_select.equal,
    "Erf": erf.error_function,
    "Exp": elementwise.exponential,
    "Expand": shape.expand,
    "Flatten": shape.reshape,
    "Floor": elementwise.floor,
    "Gelu": activation.gelu,
    "Gemm": matmul.gemm,
    "GlobalAveragePool": pooling.global_average_pool,
    "Greater": compare_select.greater,
    "GreaterOrEqual": compare_select.greater_or_equal,
    "HardSwish": activation.hard_swish,
    "Identity": activation.identity,
    "LeakyRelu": activation.leaky_relu,
    "Less": compare_select.less,
    "LessOrEqual": compare_select.less_or_equal,
    "Log": elementwise.logarithm,
    "MatMul": matmul.matrix_product,
    "Max": elementwise.maximum,
    "MaxPool": pooling.max_pool,
    "Min": elementwise.minimum,
    "Mul": elementwise.multiply,
    "Neg": elementwise.negative,
    "Not": compare_select.logical_not,
    "Or": compare_select.logical_or,
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
    "Resize": resize.resize,
    "Round": elementwise.rounded,
    "Sigmoid": activation.sigmoid,
    "Sign": elementwise.sign,
    "Sin": elementwise.sine,
    "Slice": slice_concat.strided_slice,
    "Softmax": activation.softmax,
    "SpaceToDepth": pixel_shuffle.space_to_depth,
    "Split": slice_concat.split,
    "Sqrt": elementwise.square_root,
    "Squeeze": shape.reshape,
    "Sub": elementwise.subtract,
    "Tanh": activation.tanh,
    "Tile": shape.tile,
    "Transpose": shape.transpose,
    "Unsqueeze": shape.reshape,
    "Where": compare_select.select,
    "Xor": compare_select.logical_xor,
}
