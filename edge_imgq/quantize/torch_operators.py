"""ONNX operators in torch, as the specification of opset 18 describes them.

Every operator takes its node and its inputs (None where an optional one is absent) and returns its
output, or a tuple where there are several. Tensors are float32 NCHW; shapes, axes and the like are
constants of the graph and arrive as tensors too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import onnx_ir as ir
import torch
import torch.nn.functional as F
from torch import Tensor

Inputs: TypeAlias = Sequence[Tensor | None]
Operator: TypeAlias = Callable[[ir.Node, Inputs], "Tensor | tuple[Tensor, ...]"]


class NotCoveredError(Exception):
    """This operator, or this use of it, has no torch form here."""


def _given(inputs: Inputs, index: int) -> Tensor:
    value = inputs[index] if index < len(inputs) else None
    if value is None:
        raise NotCoveredError(f"input {index} is absent")
    return value


def _integers(inputs: Inputs, index: int) -> list[int] | None:
    value = inputs[index] if index < len(inputs) else None
    return None if value is None else [int(number) for number in value.reshape(-1)]


def _convolution(node: ir.Node, inputs: Inputs) -> Tensor:
    source, weight = _given(inputs, 0), _given(inputs, 1)
    _refuse_auto_pad(node)
    top, left, bottom, right = node.attributes.get_ints("pads", [0] * 4)
    padding = (top, left)
    if (top, left) != (bottom, right) or min(top, left) < 0:
        source, padding = F.pad(source, (left, right, top, bottom)), (0, 0)
    return F.conv2d(
        source,
        weight,
        inputs[2] if len(inputs) > 2 else None,
        stride=tuple(node.attributes.get_ints("strides", [1, 1])),
        padding=padding,
        dilation=tuple(node.attributes.get_ints("dilations", [1, 1])),
        groups=node.attributes.get_int("group", 1),
    )


def _transposed_convolution(node: ir.Node, inputs: Inputs) -> Tensor:
    _refuse_auto_pad(node)
    top, left, bottom, right = node.attributes.get_ints("pads", [0] * 4)
    extra = node.attributes.get_ints("output_padding", [0, 0])
    if "output_shape" in node.attributes:
        raise NotCoveredError("output_shape")
    whole = F.conv_transpose2d(
        _given(inputs, 0),
        _given(inputs, 1),
        inputs[2] if len(inputs) > 2 else None,
        stride=tuple(node.attributes.get_ints("strides", [1, 1])),
        output_padding=(0, 0),
        dilation=tuple(node.attributes.get_ints("dilations", [1, 1])),
        groups=node.attributes.get_int("group", 1),
    )
    if any(extra[i] > (bottom, right)[i] for i in (0, 1)):
        raise NotCoveredError("output_padding beyond the pads")
    return F.pad(whole, (-left, extra[1] - right, -top, extra[0] - bottom))


def _refuse_auto_pad(node: ir.Node) -> None:
    if node.attributes.get_string("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NotCoveredError("auto_pad")


def _clip(_: ir.Node, inputs: Inputs) -> Tensor:
    low = inputs[1] if len(inputs) > 1 else None
    high = inputs[2] if len(inputs) > 2 else None
    return torch.clamp(_given(inputs, 0), low, high) if inputs[1:] else _given(inputs, 0)


def _depth_to_space(node: ir.Node, inputs: Inputs) -> Tensor:
    source, block = _given(inputs, 0), node.attributes.get_int("blocksize", 1)
    if node.attributes.get_string("mode", "DCR") == "CRD":
        return F.pixel_shuffle(source, block)
    count, channels, height, width = source.shape
    parts = source.reshape(count, block, block, channels // block**2, height, width)
    image = parts.permute(0, 3, 4, 1, 5, 2)
    return image.reshape(count, channels // block**2, height * block, width * block)


def _space_to_depth(node: ir.Node, inputs: Inputs) -> Tensor:
    source, block = _given(inputs, 0), node.attributes.get_int("blocksize", 1)
    count, channels, height, width = source.shape
    parts = source.reshape(count, channels, height // block, block, width // block, block)
    return parts.permute(0, 3, 5, 1, 2, 4).reshape(
        count, channels * block**2, height // block, width // block
    )


def _is_set(node: ir.Node, name: str) -> bool:
    return bool(node.attributes.get_int(name, 0))


def _pool(kind: Callable[..., Tensor]) -> Operator:
    def pool(node: ir.Node, inputs: Inputs) -> Tensor:
        _refuse_auto_pad(node)
        pads = node.attributes.get_ints("pads", [0] * 4)
        if any(pads) or _is_set(node, "ceil_mode") or len(node.outputs) > 1:
            raise NotCoveredError("padded, ceiled or indexed pooling")
        kernel = tuple(node.attributes.get_ints("kernel_shape"))
        strides = tuple(node.attributes.get_ints("strides", [1] * len(kernel)))
        return kind(_given(inputs, 0), kernel, strides)

    return pool


def _pad(node: ir.Node, inputs: Inputs) -> Tensor:
    source, pads = _given(inputs, 0), _integers(inputs, 1) or []
    if source.ndim != 4 or len(pads) != 8 or any(pads[i] for i in (0, 1, 4, 5)):
        raise NotCoveredError("padding of other axes than height and width")
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
    mode = modes.get(node.attributes.get_string("mode", "constant"))
    if mode is None:
        raise NotCoveredError("the padding mode")
    value = inputs[2] if len(inputs) > 2 else None
    fill = {} if value is None or mode != "constant" else {"value": float(value)}
    return F.pad(source, (pads[3], pads[7], pads[2], pads[6]), mode, **fill)


def _resize(node: ir.Node, inputs: Inputs) -> Tensor:
    source = _given(inputs, 0)
    scales = inputs[2] if len(inputs) > 2 else None
    mode = node.attributes.get_string("mode", "nearest")
    centre = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if scales is None or scales.numel() != 4 or _is_set(node, "antialias"):
        raise NotCoveredError("a resize to a size")
    factors = [float(scale) for scale in scales]
    nearest = node.attributes.get_string("nearest_mode", "round_prefer_floor")
    if mode == "nearest" and all(factor == int(factor) for factor in factors):
        if centre == "asymmetric" and nearest != "floor":
            raise NotCoveredError("the nearest mode of a resize")
        return F.interpolate(source, scale_factor=factors[2:], mode="nearest")
    if mode == "linear" and centre in ("half_pixel", "pytorch_half_pixel"):
        return F.interpolate(source, scale_factor=factors[2:], mode="bilinear", align_corners=False)
    raise NotCoveredError("the mode of a resize")


def _slice(_: ir.Node, inputs: Inputs) -> Tensor:
    result = _given(inputs, 0)
    starts, ends = _integers(inputs, 1) or [], _integers(inputs, 2) or []
    axes = _integers(inputs, 3) or list(range(len(starts)))
    steps = _integers(inputs, 4) or [1] * len(starts)
    if min(steps) < 1:
        raise NotCoveredError("a slice backwards")
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        window = [slice(None)] * result.ndim
        window[axis] = slice(start, end if end < 2**31 - 1 else None, step)
        result = result[tuple(window)]
    return result


def _split(node: ir.Node, inputs: Inputs) -> tuple[Tensor, ...]:
    source, axis = _given(inputs, 0), node.attributes.get_int("axis", 0)
    sizes = _integers(inputs, 1)
    if sizes is None:
        return tuple(torch.chunk(source, len(node.outputs), axis))
    return tuple(torch.split(source, sizes, axis))


def _reshape(node: ir.Node, inputs: Inputs) -> Tensor:
    source, wanted = _given(inputs, 0), _integers(inputs, 1) or []
    if node.attributes.get_int("allowzero", 0):
        raise NotCoveredError("allowzero")
    shape = [source.shape[i] if length == 0 else length for i, length in enumerate(wanted)]
    return source.reshape(shape)


def _mean(node: ir.Node, inputs: Inputs) -> Tensor:
    axes = _integers(inputs, 1) or list(node.attributes.get_ints("axes", []))
    keep = bool(node.attributes.get_int("keepdims", 1))
    source = _given(inputs, 0)
    return source.mean(axes or tuple(range(source.ndim)), keepdim=keep)


def _gemm(node: ir.Node, inputs: Inputs) -> Tensor:
    first, second = _given(inputs, 0), _given(inputs, 1)
    first = first.T if node.attributes.get_int("transA", 0) else first
    second = second.T if node.attributes.get_int("transB", 0) else second
    product = node.attributes.get_float("alpha", 1.0) * (first @ second)
    bias = inputs[2] if len(inputs) > 2 else None
    return product if bias is None else product + node.attributes.get_float("beta", 1.0) * bias


def _prelu(_: ir.Node, inputs: Inputs) -> Tensor:
    source, slope = _given(inputs, 0), _given(inputs, 1)
    return torch.relu(source) - slope * torch.relu(-source)


def _gelu(node: ir.Node, inputs: Inputs) -> Tensor:
    return F.gelu(_given(inputs, 0), approximate=node.attributes.get_string("approximate", "none"))


def _squeeze(_: ir.Node, inputs: Inputs) -> Tensor:
    axes = _integers(inputs, 1)
    source = _given(inputs, 0)
    return source.squeeze() if axes is None else source.squeeze(tuple(axes))


def _unsqueeze(_: ir.Node, inputs: Inputs) -> Tensor:
    result = _given(inputs, 0)
    for axis in sorted(_integers(inputs, 1) or []):
        result = result.unsqueeze(axis)
    return result


def _expand(_: ir.Node, inputs: Inputs) -> Tensor:
    source = _given(inputs, 0)
    wanted = _integers(inputs, 1) or []
    lengths = [1] * (len(wanted) - source.ndim) + list(source.shape)
    missing = [1] * (source.ndim - len(wanted)) + wanted
    return source.expand([max(pair) for pair in zip(lengths, missing, strict=True)])


def _one(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda _, inputs: function(_given(inputs, 0))


def _two(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda _, inputs: function(_given(inputs, 0), _given(inputs, 1))


def _folded(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def fold(_: ir.Node, inputs: Inputs) -> Tensor:
        result = _given(inputs, 0)
        for index in range(1, len(inputs)):
            result = function(result, _given(inputs, index))
        return result

    return fold


OPERATORS: dict[str, Operator] = {
    "Abs": _one(torch.abs),
    "Add": _two(torch.add),
    "AveragePool": _pool(F.avg_pool2d),
    "Clip": _clip,
    "Concat": lambda node, inputs: torch.cat(
        [_given(inputs, i) for i in range(len(inputs))], node.attributes.get_int("axis", 0)
    ),
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "DepthToSpace": _depth_to_space,
    "Div": _two(torch.div),
    "Dropout": _one(lambda x: x),
    "Elu": lambda node, inputs: F.elu(_given(inputs, 0), node.attributes.get_float("alpha", 1.0)),
    "Exp": _one(torch.exp),
    "Expand": _expand,
    "Flatten": lambda node, inputs: _given(inputs, 0).flatten(node.attributes.get_int("axis", 1)),
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": _one(lambda x: x.mean((2, 3), keepdim=True)),
    "HardSwish": _one(F.hardswish),
    "Identity": _one(lambda x: x),
    "LeakyRelu": lambda node, inputs: F.leaky_relu(
        _given(inputs, 0), node.attributes.get_float("alpha", 0.01)
    ),
    "Log": _one(torch.log),
    "MatMul": _two(torch.matmul),
    "Max": _folded(torch.maximum),
    "MaxPool": _pool(F.max_pool2d),
    "Min": _folded(torch.minimum),
    "Mul": _two(torch.mul),
    "Neg": _one(torch.neg),
    "PRelu": _prelu,
    "Pad": _pad,
    "Pow": _two(torch.pow),
    "Reciprocal": _one(torch.reciprocal),
    "ReduceMean": _mean,
    "Relu": _one(torch.relu),
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": _one(torch.sigmoid),
    "Slice": _slice,
    "Softmax": lambda node, inputs: torch.softmax(
        _given(inputs, 0), node.attributes.get_int("axis", -1)
    ),
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Sqrt": _one(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _two(torch.sub),
    "Tanh": _one(torch.tanh),
    "Transpose": lambda node, inputs: _given(inputs, 0).permute(
        list(node.attributes.get_ints("perm", list(range(_given(inputs, 0).ndim))[::-1]))
    ),
    "Unsqueeze": _unsqueeze,
}
"""What the executor runs, by ONNX operator type."""
