"""The operators that have a form in ncnn, and the function that builds each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from edge_imgq.export.ncnn import activation, arithmetic, convolution, data_movement, matmul, resize
from edge_imgq.export.ncnn.builder import Blob, LoweringContext
from edge_imgq.graph.network import REQUANTIZE

Build: TypeAlias = Callable[[LoweringContext], "Blob | tuple[Blob, ...]"]


@dataclass(frozen=True)
class Form:
    """How one kind of operation is built.

    Attributes:
        build: adds the layers and returns the result, or one result for each output; raises
            RefusedError for a use that ncnn has no form for.
        clips: whether it applies the clipping fused after the operation itself.
    """

    build: Build
    clips: bool = False


FORMS: dict[str, Form] = {
    **{kind: Form(arithmetic.unary(kind)) for kind in arithmetic.UNARY},
    **{kind: Form(arithmetic.binary(kind)) for kind in arithmetic.BINARY},
    **{kind: Form(arithmetic.reduction(kind)) for kind in arithmetic.REDUCTIONS},
    "AveragePool": Form(convolution.mean_pool),
    "Clip": Form(activation.clip),
    "Concat": Form(data_movement.concat),
    "Conv": Form(convolution.convolution, clips=True),
    "ConvTranspose": Form(convolution.transposed_convolution, clips=True),
    "DepthToSpace": Form(data_movement.depth_to_space),
    "Dropout": Form(data_movement.identity),
    "Elu": Form(activation.elu),
    "Erf": Form(activation.plain("Erf")),
    "Expand": Form(data_movement.expand),
    "Flatten": Form(data_movement.reshape),
    "Gelu": Form(activation.gelu),
    "Gemm": Form(matmul.gemm, clips=True),
    "GlobalAveragePool": Form(arithmetic.global_mean),
    "HardSigmoid": Form(activation.hard_sigmoid),
    "HardSwish": Form(activation.hard_swish),
    "Identity": Form(data_movement.identity),
    "LeakyRelu": Form(activation.leaky_relu),
    "MatMul": Form(matmul.matmul),
    "MaxPool": Form(convolution.maximum_pool),
    "PRelu": Form(activation.prelu),
    "Pad": Form(data_movement.pad),
    "Pow": Form(arithmetic.power),
    "Relu": Form(activation.plain("ReLU")),
    REQUANTIZE: Form(data_movement.identity),
    "Reshape": Form(data_movement.reshape),
    "Resize": Form(resize.resize),
    "Sigmoid": Form(activation.plain("Sigmoid")),
    "Slice": Form(data_movement.slice_),
    "Softmax": Form(activation.softmax),
    "SpaceToDepth": Form(data_movement.space_to_depth),
    "Split": Form(data_movement.split),
    "Squeeze": Form(data_movement.reshape),
    "Tanh": Form(activation.plain("TanH")),
    "Tile": Form(data_movement.tile),
    "Transpose": Form(data_movement.transpose),
    "Unsqueeze": Form(data_movement.reshape),
}
