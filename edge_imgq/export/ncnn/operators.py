"""The operators that have a form in ncnn, and the function that builds each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from edge_imgq.export.ncnn import activation, arithmetic, arrangement, convolution, matrix, resize
from edge_imgq.export.ncnn.builder import Blob, Site

Build: TypeAlias = Callable[[Site], "Blob | tuple[Blob, ...]"]


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
    "Concat": Form(arrangement.concat),
    "Conv": Form(convolution.convolution, clips=True),
    "ConvTranspose": Form(convolution.transposed_convolution, clips=True),
    "DepthToSpace": Form(arrangement.depth_to_space),
    "Dropout": Form(arrangement.identity),
    "Elu": Form(activation.elu),
    "Erf": Form(activation.plain("Erf")),
    "Expand": Form(arrangement.expand),
    "Flatten": Form(arrangement.reshape),
    "Gelu": Form(activation.gelu),
    "Gemm": Form(matrix.gemm, clips=True),
    "GlobalAveragePool": Form(arithmetic.global_mean),
    "HardSigmoid": Form(activation.hard_sigmoid),
    "HardSwish": Form(activation.hard_swish),
    "Identity": Form(arrangement.identity),
    "LeakyRelu": Form(activation.leaky_relu),
    "MatMul": Form(matrix.matmul),
    "MaxPool": Form(convolution.maximum_pool),
    "PRelu": Form(activation.prelu),
    "Pad": Form(arrangement.pad),
    "Pow": Form(arithmetic.power),
    "Relu": Form(activation.plain("ReLU")),
    "Reshape": Form(arrangement.reshape),
    "Resize": Form(resize.resize),
    "Sigmoid": Form(activation.plain("Sigmoid")),
    "Slice": Form(arrangement.slice_),
    "Softmax": Form(activation.softmax),
    "SpaceToDepth": Form(arrangement.space_to_depth),
    "Split": Form(arrangement.split),
    "Squeeze": Form(arrangement.reshape),
    "Tanh": Form(activation.plain("TanH")),
    "Tile": Form(arrangement.tile),
    "Transpose": Form(arrangement.transpose),
    "Unsqueeze": Form(arrangement.reshape),
}
