"""The operators that have a form in Core ML, and the function that builds each."""

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
from edge_imgq.export.coreml.integer_units import LoweringContext, mb
from edge_imgq.export.refusal import instead
from edge_imgq.graph.network import REQUANTIZE, Operation

MOST_AXES = 5
"""Core ML's limit, which coremltools checks too."""


@dataclass(frozen=True)
class Form:
    """How one kind of operation is built.

    Attributes:
        build: returns the result, or one result per output.
        refuse: says why an operation of this kind cannot be built; None when it can.
        in_steps: whether the operator may count in units of its output's scale. It may when
            multiplying its inputs by a positive number multiplies its result by the same.
    """

    build: Callable[[LoweringContext], Any]
    refuse: Callable[[Operation], str | None] = accept
    scale_invariant: bool = True


FORMS: dict[str, Form] = {
    "Abs": Form(arithmetic.absolute),
    "Add": Form(arithmetic.add),
    "And": Form(compare_select.of_two(mb.logical_and), scale_invariant=False),
    "AveragePool": Form(pooling.average_pool, pooling.refuse_pool),
    "Cast": Form(compare_select.cast, compare_select.refuse_cast, scale_invariant=False),
    "Ceil": Form(arithmetic.ceiling, scale_invariant=False),
    mean_subtraction.CENTRED: Form(mean_subtraction.centred_levels, scale_invariant=False),
    "Clip": Form(activation.clip),
    "Concat": Form(data_movement.concat),
    "Conv": Form(convolution.conv, convolution.refuse_conv),
    "ConvTranspose": Form(convolution.conv_transpose, convolution.refuse_conv_transpose),
    "Cos": Form(arithmetic.cosine, scale_invariant=False),
    "DepthToSpace": Form(data_movement.depth_to_space),
    "Div": Form(arithmetic.div, scale_invariant=False),
    "Dropout": Form(arithmetic.identity, activation.refuse_dropout),
    "Elu": Form(activation.elu, scale_invariant=False),
    "Equal": Form(compare_select.of_two(mb.equal), scale_invariant=False),
    "Erf": Form(activation.error_function, scale_invariant=False),
    "Exp": Form(arithmetic.exponential, scale_invariant=False),
    "Expand": Form(shape.expand, shape.refuse_computed),
    "Flatten": Form(shape.reshape),
    "Floor": Form(arithmetic.floor, scale_invariant=False),
    "Gelu": Form(activation.gelu, scale_invariant=False),
    "Gemm": Form(matmul.gemm),
    "GlobalAveragePool": Form(pooling.global_average_pool),
    "Greater": Form(compare_select.of_two(mb.greater), scale_invariant=False),
    "GreaterOrEqual": Form(compare_select.of_two(mb.greater_equal), scale_invariant=False),
    "HardSigmoid": Form(activation.hard_sigmoid, scale_invariant=False),
    "HardSwish": Form(activation.hard_swish, scale_invariant=False),
    "Identity": Form(arithmetic.identity),
    "LeakyRelu": Form(activation.leaky_relu),
    "Less": Form(compare_select.of_two(mb.less), scale_invariant=False),
    "LessOrEqual": Form(compare_select.of_two(mb.less_equal), scale_invariant=False),
    "Log": Form(arithmetic.logarithm, scale_invariant=False),
    "MatMul": Form(matmul.matmul),
    "Max": Form(arithmetic.maximum),
    "MaxPool": Form(pooling.max_pool, pooling.refuse_pool),
    "Min": Form(arithmetic.minimum),
    "Mul": Form(arithmetic.mul),
    "Neg": Form(arithmetic.negative),
    norm_fp16_range.INVERSE_DEVIATION: Form(
        norm_fp16_range.inverse_deviation, scale_invariant=False
    ),
    "Not": Form(compare_select.negation, scale_invariant=False),
    "Or": Form(compare_select.of_two(mb.logical_or), scale_invariant=False),
    "PRelu": Form(activation.prelu),
    "Pad": Form(padding.pad, padding.refuse_pad),
    "Pow": Form(arithmetic.power, scale_invariant=False),
    "Reciprocal": Form(arithmetic.reciprocal, scale_invariant=False),
    "ReduceMax": Form(arithmetic.reduce_max, shape.refuse_computed),
    "ReduceMin": Form(arithmetic.reduce_min, shape.refuse_computed),
    "ReduceMean": Form(arithmetic.reduce_mean, shape.refuse_computed),
    "Relu": Form(activation.relu),
    REQUANTIZE: Form(arithmetic.identity),
    "Reshape": Form(shape.reshape),
    "Resize": Form(resize.resize, resize.refuse_resize),
    "Round": Form(arithmetic.rounded, scale_invariant=False),
    rounded_statistics.ROUNDED: Form(rounded_statistics.rounded_to_unit, scale_invariant=False),
    "Sigmoid": Form(activation.sigmoid, scale_invariant=False),
    "Sign": Form(arithmetic.sign, scale_invariant=False),
    "Sin": Form(arithmetic.sine, scale_invariant=False),
    "Slice": Form(data_movement.slice_, data_movement.refuse_slice),
    "Softmax": Form(activation.softmax, scale_invariant=False),
    "SpaceToDepth": Form(data_movement.space_to_depth),
    "Split": Form(data_movement.split),
    "Sqrt": Form(arithmetic.square_root, scale_invariant=False),
    "Squeeze": Form(shape.squeeze, shape.refuse_computed),
    "Sub": Form(arithmetic.sub),
    "Tanh": Form(activation.tanh, scale_invariant=False),
    "Tile": Form(shape.tile, shape.refuse_computed),
    "Transpose": Form(shape.transpose),
    "Unsqueeze": Form(shape.unsqueeze, shape.refuse_computed),
    "Where": Form(compare_select.choice, compare_select.refuse_choice, scale_invariant=False),
    "Xor": Form(compare_select.of_two(mb.logical_xor), scale_invariant=False),
}


def refusal(operation: Operation) -> str | None:
    """Say why an operation cannot become part of a Core ML file, and what to do; None if it can."""
    form = FORMS.get(operation.kind)
    if form is None:
        return (
            "this operator is not lowered to Core ML; "
            f"{instead(operation)}, or leave the coreml and coreai targets out"
        )
    tensors = [*operation.outputs, *(t for t in operation.inputs if t is not None)]
    if any(len(tensor.shape) > MOST_AXES for tensor in tensors):
        return f"Core ML's tensors have at most {MOST_AXES} axes; merge some in the model"
    images = [*operation.outputs, *(t for t in operation.inputs[:1] if t is not None)]
    if any(0 in tensor.shape for tensor in images):
        return "it has an empty tensor, which Core ML does not have; remove it from the model"
    return form.refuse(operation)
