"""ONNX's own node cases, prepared for the writers."""

from __future__ import annotations

from fnmatch import fnmatch
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxsim

from edge_imgq.graph.load.opset import OPSET, at_project_opset
from edge_imgq.graph.shapes.shape_arithmetic import fold_shape_arithmetic
from tests.graph.node_cases import node_cases

OPERATORS = frozenset(
    """Abs Add AveragePool BatchNormalization Cast Ceil Celu Clip Concat Constant Conv
    ConvTranspose Cos DepthToSpace Div Dropout Elu Erf Exp Expand Floor Gelu Gemm
    GlobalAveragePool GlobalMaxPool GroupNormalization HardSigmoid HardSwish Identity
    InstanceNormalization LayerNormalization LeakyRelu Log LogSoftmax LpNormalization MatMul Max
    MaxPool Min Mish Mul Neg PRelu Pad Pow RMSNormalization Reciprocal ReduceL1 ReduceL2
    ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceSum ReduceSumSquare Relu
    Reshape Resize Selu Sigmoid Sign Sin Slice Softmax Softplus SpaceToDepth Split Sqrt Squeeze
    Sub SwiGLU Swish Tanh Tile Transpose Unsqueeze Upsample""".split()  # noqa: SIM905
)


TRAINING = "training mode is no part of a network that is shipped"


THREE = "images have two spatial axes, and TFLite's windows too"


DILATED = "TFLite's pooling has no dilation"


CROP = "what lies outside of the region is a number other than 0"


EMPTY = "no image is without pixels"


REFUSED: dict[str, str] = {
    "test_batchnorm_*training_mode": TRAINING,
    "test_training_dropout_*": TRAINING,
    "test_training_dropout": TRAINING,
    "test_averagepool_3d_*": THREE,
    "test_maxpool_3d_*": THREE,
    "test_convtranspose_3d": THREE,
    "test_*pool_2d_dilations": DILATED,
    "test_reduce_*_empty_set*": EMPTY,
    "test_resize_tf_crop_and_resize_extrapolation*": CROP,
}
"""Cases that TFLite cannot express, by the pattern of their names, each with the reason."""


@cache
def cases() -> dict[str, Any]:
    return {case.name: case for case in node_cases() if _is_covered(case)}


def _is_covered(case: Any) -> bool:
    """Whether a case has covered operators alone, and float32 tensors at both ends."""
    if not {node.op_type for node in case.model.graph.node} <= OPERATORS:
        return False
    inputs, outputs = case.data_sets[0]
    ends = [*inputs[:1], *outputs[:1]]
    return len(ends) == 2 and all(getattr(end, "dtype", None) == np.float32 for end in ends)


def prepared(name: str) -> tuple[onnx.ModelProto, Any, Any]:
    """Return a case as a network from its first input to its first output, and their values.

    The network is a copy, which passes may change: four files of tests have each case in common.
    """
    model, given, wanted = _prepared(name)
    return copied(model), given, wanted


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


@cache
def _prepared(name: str) -> tuple[onnx.ModelProto, Any, Any]:
    case = cases()[name]
    model = copied(case.model)
    inputs, outputs = case.data_sets[0]
    for value, array in list(zip(model.graph.input, inputs, strict=True))[1:]:
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
    del model.graph.input[1:]
    del model.graph.output[1:]
    result = model.graph.output[0].name
    model.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info(result, onnx.TensorProto.FLOAT, outputs[0].shape)
    )
    for index, node in enumerate(model.graph.node):
        node.name = f"node_{index}"
    raised = at_project_opset(model)
    if model.opset_import[0].version > OPSET:  # definitions compute with constants
        raised, _ = onnxsim.simplify(raised, import_custom_schemas=False)
    return _with_shapes(raised), inputs[0], outputs[0]


def _with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model whose shapes are numbers, as a model's are once its size is bound."""
    while True:
        inferred = ir.from_proto(onnx.shape_inference.infer_shapes(model, data_prop=True))
        if not fold_shape_arithmetic(inferred):
            return onnx.shape_inference.infer_shapes(model, data_prop=True)
        model = ir.to_proto(inferred)


def reason(name: str) -> str | None:
    return next((why for pattern, why in REFUSED.items() if fnmatch(name, pattern)), None)
