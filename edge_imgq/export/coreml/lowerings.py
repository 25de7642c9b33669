"""Table of operators and the functions that lower them to Core ML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_imgq.export.coreml import (
    activation,
    arithmetic,
    compare_select,
    convolution,
    data_movement,
    matmul,
    mean_subtraction,
    norm_fp16_range,
    padding,
    pooling,
    resize,
    rounded_statistics,
    shape,
)
from edge_imgq.export.coreml.arithmetic import accept
from edge_imgq.export.coreml.integer_units import LoweringContext
from edge_imgq.export.refusal import instead
from edge_imgq.graph.network import REQUANTIZE, Operation

MAX_AXES = 5
"""Core ML's rank limit, which coremltools enforces too."""


@dataclass(frozen=True)
class Lowering:
    """Lowering of one kind of operation.

    Attributes:
        build: returns the result, or one result per output.
        refuse: returns the reason why an operation cannot be lowered, or None.
        scale_invariant: True if scaling the inputs by a positive factor scales the result by the
            same factor, so that the operator may work in units of its output's scale.
    """

    build: Callable[[LoweringContext], Any]
    refuse: Callable[[Operation], str | None] = accept
    scale_invariant: bool = True


LOWERINGS: dict[str, Lowering] = {
    "Abs": Lowering(arithmetic.absolute),
    "Add": Lowering(arithmetic.add),
    "And": Lowering(compare_select.of_two("logical_and"), scale_invariant=False),
    "AveragePool": Lowering(pooling.average_pool, pooling.refuse_pool),
    "Cast": Lowering(compare_select.cast, compare_select.refuse_cast, scale_invariant=False),
    "Ceil": Lowering(arithmetic.ceiling, scale_invariant=False),
    mean_subtraction.CENTRED: Lowering(mean_subtraction.centred_levels, scale_invariant=False),
    "Clip": Lowering(activation.clip),
    "Concat": Lowering(data_movement.concat),
    "Conv": Lowering(convolution.conv, convolution.refuse_conv),
    "ConvTranspose": Lowering(convolution.conv_transpose, convolution.refuse_conv_transpose),
    "Cos": Lowering(arithmetic.cosine, scale_invariant=False),
    "DepthToSpace": Lowering(data_movement.depth_to_space),
    "Div": Lowering(arithmetic.div, scale_invariant=False),
    "Dropout": Lowering(arithmetic.identity, activation.refuse_dropout),
    "Elu": Lowering(activation.elu, scale_invariant=False),
    "Equal": Lowering(compare_select.of_two("equal"), scale_invariant=False),
    "Erf": Lowering(activation.error_function, scale_invariant=False),
    "Exp": Lowering(arithmetic.exponential, scale_invariant=False),
    "Expand": Lowering(shape.expand, shape.refuse_computed),
    "Flatten": Lowering(shape.reshape),
    "Floor": Lowering(arithmetic.floor, scale_invariant=False),
    "Gelu": Lowering(activation.gelu, scale_invariant=False),
    "Gemm": Lowering(matmul.gemm),
    "GlobalAveragePool": Lowering(pooling.global_average_pool),
    "Greater": Lowering(compare_select.of_two("greater"), scale_invariant=False),
    "GreaterOrEqual": Lowering(compare_select.of_two("greater_equal"), scale_invariant=False),
    "HardSigmoid": Lowering(activation.hard_sigmoid, scale_invariant=False),
    "HardSwish": Lowering(activation.hard_swish, scale_invariant=False),
    "Identity": Lowering(arithmetic.identity),
    "LeakyRelu": Lowering(activation.leaky_relu),
    "Less": Lowering(compare_select.of_two("less"), scale_invariant=False),
    "LessOrEqual": Lowering(compare_select.of_two("less_equal"), scale_invariant=False),
    "Log": Lowering(arithmetic.logarithm, scale_invariant=False),
    "MatMul": Lowering(matmul.matmul),
    "Max": Lowering(arithmetic.maximum),
    "MaxPool": Lowering(pooling.max_pool, pooling.refuse_pool),
    "Min": Lowering(arithmetic.minimum),
    "Mul": Lowering(arithmetic.mul),
    "Neg": Lowering(arithmetic.negative),
    norm_fp16_range.INVERSE_DEVIATION: Lowering(
        norm_fp16_range.inverse_deviation, scale_invariant=False
    ),
    "Not": Lowering(compare_select.logical_not, scale_invariant=False),
    "Or": Lowering(compare_select.of_two("logical_or"), scale_invariant=False),
    "PRelu": Lowering(activation.prelu),
    "Pad": Lowering(padding.pad, padding.refuse_pad),
    "Pow": Lowering(arithmetic.power, scale_invariant=False),
    "Reciprocal": Lowering(arithmetic.reciprocal, scale_invariant=False),
    "ReduceMax": Lowering(arithmetic.reduce_max, shape.refuse_computed),
    "ReduceMin": Lowering(arithmetic.reduce_min, shape.refuse_computed),
    "ReduceMean": Lowering(arithmetic.reduce_mean, shape.refuse_computed),
    "Relu": Lowering(activation.relu),
    REQUANTIZE: Lowering(arithmetic.identity),
    "Reshape": Lowering(shape.reshape),
    "Resize": Lowering(resize.resize, resize.refuse_resize),
    "Round": Lowering(arithmetic.rounded, scale_invariant=False),
    rounded_statistics.ROUNDED: Lowering(rounded_statistics.rounded_to_unit, scale_invariant=False),
    "Sigmoid": Lowering(activation.sigmoid, scale_invariant=False),
    "Sign": Lowering(arithmetic.sign, scale_invariant=False),
    "Sin": Lowering(arithmetic.sine, scale_invariant=False),
    "Slice": Lowering(data_movement.slice_, data_movement.refuse_slice),
    "Softmax": Lowering(activation.softmax, scale_invariant=False),
    "SpaceToDepth": Lowering(data_movement.space_to_depth),
    "Split": Lowering(data_movement.split),
    "Sqrt": Lowering(arithmetic.square_root, scale_invariant=False),
    "Squeeze": Lowering(shape.squeeze, shape.refuse_computed),
    "Sub": Lowering(arithmetic.sub),
    "Tanh": Lowering(activation.tanh, scale_invariant=False),
    "Tile": Lowering(shape.tile, shape.refuse_computed),
    "Transpose": Lowering(shape.transpose),
    "Unsqueeze": Lowering(shape.unsqueeze, shape.refuse_computed),
    "Where": Lowering(compare_select.select, compare_select.refuse_select, scale_invariant=False),
    "Xor": Lowering(compare_select.of_two("logical_xor"), scale_invariant=False),
}


def refusal(operation: Operation) -> str | None:
    """Return why an operation cannot be lowered to Core ML, with a remedy, or None if it can.

    It can if its operator has a lowering whose `refuse` gives no reason, no tensor has more than
    five axes, and neither the first input nor an output is empty. The text has no full stop.
    """
    lowering = LOWERINGS.get(operation.kind)
    if lowering is None:
        return (
            "this operator is not lowered to Core ML; "
            f"{instead(operation)}, or leave the coreml and coreai targets out"
        )
    tensors = [*operation.outputs, *(t for t in operation.inputs if t is not None)]
    if any(len(tensor.shape) > MAX_AXES for tensor in tensors):
        return f"Core ML's tensors have at most {MAX_AXES} axes; merge some in the model"
    images = [*operation.outputs, *(t for t in operation.inputs[:1] if t is not None)]
    if any(0 in tensor.shape for tensor in images):
        return "it has an empty tensor, which Core ML does not have; remove it from the model"
    return lowering.refuse(operation)
