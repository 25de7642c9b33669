"""ONNX operators implemented in torch, following the specification of opset 21.

Each takes its node and its inputs (None for an absent optional one) and returns its output, or a
tuple of several. Tensors are float32, images NCHW; shapes, axes and the like also arrive as
tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

import onnx_ir as ir
import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.quantize.torch.torch_inputs import (
    Inputs,
    Operator,
    given,
    integers,
    optional,
    uncovered,
)
from edge_imgq.quantize.torch.torch_resize import resize
from edge_imgq.quantize.torch.torch_windows import (
    average_pool,
    convolution,
    max_pool,
    pad,
    transposed_convolution,
)


def _clip(_: ir.Node, inputs: Inputs) -> Tensor:
    low, high = optional(inputs, 1), optional(inputs, 2)
    source = given(inputs, 0)
    return source if low is None and high is None else torch.clamp(source, low, high)


def _depth_to_space(node: ir.Node, inputs: Inputs) -> Tensor:
    source, block = given(inputs, 0), node.attributes.get_int("blocksize", 1)
    if node.attributes.get_string("mode", "DCR") == "CRD":
        return F.pixel_shuffle(source, block)
    count, channels, height, width = source.shape
    blocks = source.reshape(count, block, block, channels // block**2, height, width)
    image = blocks.permute(0, 3, 4, 1, 5, 2)
    return image.reshape(count, channels // block**2, height * block, width * block)


def _space_to_depth(node: ir.Node, inputs: Inputs) -> Tensor:
    source, block = given(inputs, 0), node.attributes.get_int("blocksize", 1)
    count, channels, height, width = source.shape
    blocks = source.reshape(count, channels, height // block, block, width // block, block)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(
        count, channels * block**2, height // block, width // block
    )


def _slice(_: ir.Node, inputs: Inputs) -> Tensor:
    result = given(inputs, 0)
    starts, ends = integers(inputs, 1) or [], integers(inputs, 2) or []
    axes = integers(inputs, 3) or list(range(len(starts)))
    steps = integers(inputs, 4) or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        first, last, stride = slice(start, end, step).indices(result.shape[axis])
        if step > 0:
            window = [slice(None)] * result.ndim
            window[axis] = slice(first, last, stride)
            result = result[tuple(window)]
        else:
            result = result.index_select(axis, torch.arange(first, last, stride))
    return result


def _split(node: ir.Node, inputs: Inputs) -> tuple[Tensor, ...]:
    source, axis = given(inputs, 0), node.attributes.get_int("axis", 0)
    sizes = integers(inputs, 1)
    if sizes is None:
        return tuple(torch.chunk(source, len(node.outputs), axis))
    return tuple(torch.split(source, sizes, axis))


def _reshape(node: ir.Node, inputs: Inputs) -> Tensor:
    source, wanted = given(inputs, 0), integers(inputs, 1) or []
    if not node.attributes.get_int("allowzero", 0):
        wanted = [length or source.shape[i] for i, length in enumerate(wanted)]
    return source.reshape(wanted)


def _reduced(function: Callable[..., Tensor]) -> Operator:
    """Return a reduction; without axes it reduces all, unless noop_with_empty_axes is set."""

    def reduce(node: ir.Node, inputs: Inputs) -> Tensor:
        source = given(inputs, 0)
        axes = integers(inputs, 1) or list(node.attributes.get_ints("axes", []))
        if not axes and bool(node.attributes.get_int("noop_with_empty_axes", 0)):
            return source
        keep = bool(node.attributes.get_int("keepdims", 1))
        return function(source, tuple(axes or range(source.ndim)), keepdim=keep)

    return reduce


def _norm(order: int, source: Tensor, axes: tuple[int, ...], *, keepdim: bool) -> Tensor:
    """Return the p-norm over some axes for p = `order`; its gradient is 0 where the norm is."""
    norm: Tensor = torch.linalg.vector_norm(source, order, axes, keepdim)
    return norm


def _gemm(node: ir.Node, inputs: Inputs) -> Tensor:
    first, second = given(inputs, 0), given(inputs, 1)
    first = first.T if node.attributes.get_int("transA", 0) else first
    second = second.T if node.attributes.get_int("transB", 0) else second
    product = node.attributes.get_float("alpha", 1.0) * (first @ second)
    bias = inputs[2] if len(inputs) > 2 else None
    return product if bias is None else product + node.attributes.get_float("beta", 1.0) * bias


def _prelu(_: ir.Node, inputs: Inputs) -> Tensor:
    source, slope = given(inputs, 0), given(inputs, 1)
    return torch.relu(source) - slope * torch.relu(-source)


def _gelu(node: ir.Node, inputs: Inputs) -> Tensor:
    return F.gelu(given(inputs, 0), approximate=node.attributes.get_string("approximate", "none"))


def _squeeze(_: ir.Node, inputs: Inputs) -> Tensor:
    axes = integers(inputs, 1)
    source = given(inputs, 0)
    return source.squeeze() if axes is None else source.squeeze(tuple(axes))


def _unsqueeze(_: ir.Node, inputs: Inputs) -> Tensor:
    result = given(inputs, 0)
    for axis in sorted(integers(inputs, 1) or []):
        result = result.unsqueeze(axis)
    return result


def _expand(_: ir.Node, inputs: Inputs) -> Tensor:
    source = given(inputs, 0)
    wanted = integers(inputs, 1) or []
    lengths = [1] * (len(wanted) - source.ndim) + list(source.shape)
    missing = [1] * (source.ndim - len(wanted)) + wanted
    return source.expand([max(pair) for pair in zip(lengths, missing, strict=True)])


def _flatten(node: ir.Node, inputs: Inputs) -> Tensor:
    source, axis = given(inputs, 0), node.attributes.get_int("axis", 1)
    first = axis % source.ndim if axis < 0 else axis
    return source.reshape(prod(source.shape[:first]), -1)


def _round(_: ir.Node, inputs: Inputs) -> Tensor:
    """Round half to even; the gradient passes straight through (Bengio et al., 2013)."""
    source = given(inputs, 0)
    return source.round().detach() + (source - source.detach())


def _hard_sigmoid(node: ir.Node, inputs: Inputs) -> Tensor:
    alpha = node.attributes.get_float("alpha", 0.2)
    return (alpha * given(inputs, 0) + node.attributes.get_float("beta", 0.5)).clamp(0, 1)


def _tile(_: ir.Node, inputs: Inputs) -> Tensor:
    return given(inputs, 0).repeat(integers(inputs, 1) or [])


def _cast(node: ir.Node, inputs: Inputs) -> Tensor:
    kind = ir.DataType(node.attributes.get_int("to"))
    if kind not in TYPES:
        raise uncovered(node, f"a cast to {kind.name}")
    return given(inputs, 0).to(TYPES[kind])


def _where(_: ir.Node, inputs: Inputs) -> Tensor:
    return torch.where(given(inputs, 0), given(inputs, 1), given(inputs, 2))


def _with_finite_slope(value: Tensor) -> Tensor:
    """Return a tensor whose NaN and infinite gradients are replaced by 0.

    A branch that Where does not select may have no derivative, such as the root of a negative
    number.
    """
    if not value.requires_grad:
        return value
    result = value.view_as(value)
    result.register_hook(  # type: ignore[no-untyped-call]
        lambda slope: torch.nan_to_num(slope, 0.0, 0.0, 0.0)
    )
    return result


def _power(_: ir.Node, inputs: Inputs) -> Tensor:
    return torch.pow(_with_finite_slope(given(inputs, 0)), given(inputs, 1))


def _one(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda _, inputs: function(given(inputs, 0))


def _two(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda _, inputs: function(given(inputs, 0), given(inputs, 1))


def _folded(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def fold(_: ir.Node, inputs: Inputs) -> Tensor:
        result = given(inputs, 0)
        for index in range(1, len(inputs)):
            result = function(result, given(inputs, index))
        return result

    return fold


TYPES = {
    ir.DataType.FLOAT: torch.float32,
    ir.DataType.FLOAT16: torch.float16,
    ir.DataType.DOUBLE: torch.float64,
    ir.DataType.INT32: torch.int32,
    ir.DataType.INT64: torch.int64,
    ir.DataType.BOOL: torch.bool,
}

OPERATORS: dict[str, Operator] = {
    "Abs": _one(torch.abs),
    "Add": _two(torch.add),
    "And": _two(torch.logical_and),
    "AveragePool": average_pool,
    "Cast": _cast,
    "Ceil": _one(torch.ceil),
    "Clip": _clip,
    "Concat": lambda node, inputs: torch.cat(
        [given(inputs, i) for i in range(len(inputs))], node.attributes.get_int("axis", 0)
    ),
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "Cos": _one(torch.cos),
    "DepthToSpace": _depth_to_space,
    "Div": _two(torch.div),
    "Dropout": _one(lambda x: x),
    "Elu": lambda node, inputs: F.elu(given(inputs, 0), node.attributes.get_float("alpha", 1.0)),
    "Equal": _two(torch.eq),
    "Erf": _one(torch.erf),
    "Exp": _one(torch.exp),
    "Expand": _expand,
    "Flatten": _flatten,
    "Floor": _one(torch.floor),
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": _one(lambda x: x.mean((2, 3), keepdim=True)),
    "Greater": _two(torch.gt),
    "GreaterOrEqual": _two(torch.ge),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _one(F.hardswish),
    "Identity": _one(lambda x: x),
    "LeakyRelu": lambda node, inputs: F.leaky_relu(
        given(inputs, 0), node.attributes.get_float("alpha", 0.01)
    ),
    "Less": _two(torch.lt),
    "LessOrEqual": _two(torch.le),
    "Log": _one(lambda x: torch.log(_with_finite_slope(x))),
    "MatMul": _two(torch.matmul),
    "Max": _folded(torch.maximum),
    "MaxPool": max_pool,
    "Min": _folded(torch.minimum),
    "Mul": _two(torch.mul),
    "Neg": _one(torch.neg),
    "Not": _one(torch.logical_not),
    "Or": _two(torch.logical_or),
    "PRelu": _prelu,
    "Pad": pad,
    "Pow": _power,
    "Reciprocal": _one(torch.reciprocal),
    "ReduceL1": _reduced(partial(_norm, 1)),
    "ReduceL2": _reduced(partial(_norm, 2)),
    "ReduceMax": _reduced(torch.amax),
    "ReduceMean": _reduced(torch.mean),
    "ReduceMin": _reduced(torch.amin),
    "ReduceSum": _reduced(torch.sum),
    "ReduceSumSquare": _reduced(lambda x, axes, keepdim: (x * x).sum(axes, keepdim)),
    "Relu": _one(torch.relu),
    "Reshape": _reshape,
    "Resize": resize,
    "Round": _round,
    "Sigmoid": _one(torch.sigmoid),
    "Sign": _one(torch.sign),
    "Sin": _one(torch.sin),
    "Slice": _slice,
    "Softmax": lambda node, inputs: torch.softmax(
        given(inputs, 0), node.attributes.get_int("axis", -1)
    ),
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Sqrt": _one(lambda x: torch.sqrt(_with_finite_slope(x))),
    "Squeeze": _squeeze,
    "Sub": _two(torch.sub),
    "Tanh": _one(torch.tanh),
    "Tile": _tile,
    "Transpose": lambda node, inputs: given(inputs, 0).permute(
        list(node.attributes.get_ints("perm", list(range(given(inputs, 0).ndim))[::-1]))
    ),
    "Unsqueeze": _unsqueeze,
    "Where": _where,
    "Xor": _two(torch.logical_xor),
}
"""Implementations by ONNX operator type."""
