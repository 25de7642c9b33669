"""Table of operators and the functions that lower them to ncnn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from edge_imgq.export.ncnn import activation, arithmetic, convolution, data_movement, matmul, resize
from edge_imgq.export.ncnn.builder import Blob, LoweringContext
from edge_imgq.graph.network import REQUANTIZE

Build: TypeAlias = Callable[[LoweringContext], "Blob | tuple[Blob, ...]"]


@dataclass(frozen=True)
class Lowering:
    """Lowering of one kind of operation.

    Attributes:
        build: adds layers and returns the result, or one result per output; raises RefusedError if
            ncnn cannot express the operation.
        clips: True if it applies the fused activation itself.
    """

    build: Build
    clips: bool = False


LOWERINGS: dict[str, Lowering] = {
    **{kind: Lowering(arithmetic.unary(kind)) for kind in arithmetic.UNARY},
    **{kind: Lowering(arithmetic.binary(kind)) for kind in arithmetic.BINARY},
    **{kind: Lowering(arithmetic.reduction(kind)) for kind in arithmetic.REDUCTIONS},
    "AveragePool": Lowering(convolution.mean_pool),
    "Clip": Lowering(activation.clip),
    "Concat": Lowering(data_movement.concat),
    "Conv": Lowering(convolution.convolution, clips=True),
    "ConvTranspose": Lowering(convolution.transposed_convolution, clips=True),
    "DepthToSpace": Lowering(data_movement.depth_to_space),
    "Dropout": Lowering(data_movement.identity),
    "Elu": Lowering(activation.elu),
    "Erf": Lowering(activation.plain("Erf")),
    "Expand": Lowering(data_movement.expand),
    "Flatten": Lowering(data_movement.reshape),
    "Gelu": Lowering(activation.gelu),
    "Gemm": Lowering(matmul.gemm, clips=True),
    "GlobalAveragePool": Lowering(arithmetic.global_mean),
    "HardSigmoid": Lowering(activation.hard_sigmoid),
    "HardSwish": Lowering(activation.hard_swish),
    "Identity": Lowering(data_movement.identity),
    "LeakyRelu": Lowering(activation.leaky_relu),
    "MatMul": Lowering(matmul.matmul),
    "MaxPool": Lowering(convolution.maximum_pool),
    "PRelu": Lowering(activation.prelu),
    "Pad": Lowering(data_movement.pad),
    "Pow": Lowering(arithmetic.power),
    "Relu": Lowering(activation.plain("ReLU")),
    REQUANTIZE: Lowering(data_movement.identity),
    "Reshape": Lowering(data_movement.reshape),
    "Resize": Lowering(resize.resize),
    "Sigmoid": Lowering(activation.plain("Sigmoid")),
    "Slice": Lowering(data_movement.slice_),
    "Softmax": Lowering(activation.softmax),
    "SpaceToDepth": Lowering(data_movement.space_to_depth),
    "Split": Lowering(data_movement.split),
    "Squeeze": Lowering(data_movement.reshape),
    "Tanh": Lowering(activation.plain("TanH")),
    "Tile": Lowering(data_movement.tile),
    "Transpose": Lowering(data_movement.transpose),
    "Unsqueeze": Lowering(data_movement.reshape),
}
