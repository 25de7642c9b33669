"""Lowering of convolutions to Core ML; int8 weights are stored as int8."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import (
    LoweringContext,
    Variable,
    mb,
    real,
    scale_of,
    to_float16,
)
from edge_imgq.graph.convolution import padding_in
from edge_imgq.graph.network import Operation, Tensor

Sides = tuple[tuple[int, ...], tuple[int, ...]]
"""Padding before and after each spatial axis: (before per axis, after per axis)."""


def conv(context: LoweringContext) -> Variable:
    """Lower Conv of (N, C_in, spatial axes …) to conv, in float16, with one to three spatial axes.

    Weights are (C_out, C_in / groups, kernel …), as in ONNX; int8 weights stay int8 with a scale
    per channel. The result, (N, C_out, spatial axes …), is divided by `context.unit` (1 in a float
    file) and lies `context.offset` levels lower, with the bias adjusted to both. Scales, biases and
    results are rounded to float16. `refuse_conv` says which uses this does not cover.

    Raises:
        ModelError: a weight or bias exceeds float16, or an activation is not int8 with one scale.
    """
    x, factor = _input(context)
    kernel = context.operation.operand(1)
    return mb.conv(
        x=x,
        weight=_weight(kernel, factor),
        **_bias(context),
        **_strides(context.operation),
        pad_type="custom",
        pad=sides(window_padding(context.operation)),
    )


def conv_transpose(context: LoweringContext) -> Variable:
    """Lower ConvTranspose of (N, C_in, spatial axes …) to conv_transpose, in float16.

    Weights are (C_in, C_out / groups, kernel …), as in ONNX; there are one to three spatial axes.
    Units and rounding are as for `conv`. Core ML has no output padding: it is subtracted from the
    padding at the end, and the unpadded result is computed and cropped, as coremltools' torch front
    end does. If it exceeds that padding, the kernel is extended by zeros, which lengthens the
    unpadded result. `refuse_conv_transpose` says which uses this does not cover.

    Raises:
        ModelError: a weight or bias exceeds float16, or an activation is not int8 with one scale.
    """
    operation = context.operation
    x, factor = _input(context)
    begins, ends = transposed_padding(operation)
    dilations = _strides(operation)["dilations"]
    zeros = [-(min(end, 0) // d) for end, d in zip(ends, dilations, strict=True)]
    ends = tuple(end + more * d for end, more, d in zip(ends, zeros, dilations, strict=True))
    cropped = any(_output_padding(operation)) or any(zeros)
    full = mb.conv_transpose(
        x=x,
        weight=_weight(_lengthened(operation.operand(1), zeros), factor),
        **_bias(context),
        **_strides(operation),
        pad_type="custom",
        pad=[0] * 2 * len(begins) if cropped else sides((begins, ends)),
    )
    return _cropped(full, begins, ends) if cropped else full


def _cropped(x: Any, begins: tuple[int, ...], ends: tuple[int, ...]) -> Any:
    if len(begins) == 2:
        return mb.crop(x=x, crop_height=[begins[0], ends[0]], crop_width=[begins[1], ends[1]])
    last = [size - end for size, end in zip(x.shape[2:], ends, strict=True)]
    return mb.slice_by_index(x=x, begin=[0, 0, *begins], end=[*x.shape[:2], *last])


def refuse_conv(operation: Operation) -> str | None:
    """Return the reason why a Conv cannot be lowered, or None if it can.

    It needs one to three spatial axes, and weights and a bias that are constants.
    """
    if not 3 <= len(operation.operand(0).shape) <= 5:
        return "only images with one to three spatial axes are convolved"
    if any(tensor is not None and tensor.data is None for tensor in operation.inputs[1:]):
        return "its weights are computed at run time; make them constants of the model"
    return None


def refuse_conv_transpose(operation: Operation) -> str | None:
    """Return the reason why a ConvTranspose cannot be lowered, or None if it can.

    It needs what `refuse_conv` requires; and its output must not begin before the first tap.
    """
    refusal = refuse_conv(operation)
    if refusal is None and min(transposed_padding(operation)[0]) < 0:
        return "its output begins before its taps reach; use output_padding instead of auto_pad"
    return refusal


def window_padding(operation: Operation) -> Sides:
    """Return the padding before and after each spatial axis of a window, from `pads` or `auto_pad`.

    For ConvTranspose it is what is cropped from the full result, before output padding; this also
    follows from `output_shape`, and is negative where the output extends beyond the taps.

    Args:
        operation: an ONNX convolution, transposed convolution or pooling of static shape; its first
            input is (N, C, spatial axes …).

    Returns:
        Two tuples, begins and ends, each with one number of elements per spatial axis.
    """
    kernel, _, _ = _geometry(operation)
    image = operation.operand(0).shape[2:]
    pads = padding_in(operation.kind, operation.attributes, kernel, image)
    assert pads is not None, "its size is known"
    return pads[: len(kernel)], pads[len(kernel) :]


def transposed_padding(operation: Operation) -> Sides:
    """Return the elements cropped from a ConvTranspose's full result, before and after each axis.

    The output padding is subtracted at the end, so an end can be negative. With `auto_pad` or
    `output_shape` the crop follows from the output size.

    Returns:
        Two tuples, begins and ends, each with one number of elements per spatial axis.
    """
    extra = _output_padding(operation)
    begins, ends = window_padding(operation)
    return begins, tuple(end - more for end, more in zip(ends, extra, strict=True))


def sides(padding: Sides) -> list[int]:
    """Interleave padding as Core ML expects it: before and after, axis by axis.

    ((top, left), (bottom, right)) becomes [top, bottom, left, right].
    """
    return [side for pair in zip(*padding, strict=True) for side in pair]


def _geometry(operation: Operation) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return kernel, strides and dilations."""
    kernel = operation.attributes.get("kernel_shape") or operation.operand(1).shape[2:]
    ones = (1,) * len(kernel)
    attributes = operation.attributes
    return kernel, attributes.get("strides", ones), attributes.get("dilations", ones)


def _strides(operation: Operation) -> dict[str, Any]:
    _, strides, dilations = _geometry(operation)
    groups = operation.attributes.get("group", 1)
    return {"strides": strides, "dilations": dilations, "groups": groups}


def _output_padding(operation: Operation) -> tuple[int, ...]:
    kernel, _, _ = _geometry(operation)
    return tuple(operation.attributes.get("output_padding", (0,) * len(kernel)))


def _lengthened(kernel: Tensor, zeros: list[int]) -> Tensor:
    """Pad a kernel with zeros at the end of its spatial axes; int8 weights have zero point 0."""
    if not any(zeros) or kernel.data is None:
        return kernel
    data = np.pad(kernel.data, [(0, 0), (0, 0), *((0, more) for more in zeros)])
    return replace(kernel, shape=data.shape, data=data)


def _input(context: LoweringContext) -> tuple[Any, float]:
    """Return the input in units of its scale, and the ratio of that scale to the result's unit."""
    own = scale_of(context.operation.operand(0))
    return context.read(0, own), own / context.unit


def _weight(tensor: Tensor, factor: float) -> Any:
    """Return weights × factor; int8 weights stay int8 with a scale per channel."""
    quantization = tensor.quantization
    if quantization is None or quantization.dtype != "int8" or tensor.data is None:
        return to_float16(real(tensor) * factor, tensor.name)
    scale = to_float16(quantization.scale.astype(np.float64) * factor, tensor.name)
    zero = quantization.zero_point.astype(np.int8)
    per_channel = quantization.axis is not None
    return mb.constexpr_affine_dequantize(
        quantized_data=np.asarray(tensor.data, np.int8),
        zero_point=zero if per_channel else zero[0],
        scale=scale if per_channel else scale[0],
        axis=np.int32(quantization.axis or 0),
    )


def _bias(context: LoweringContext) -> dict[str, Any]:
    """Return the bias minus the result's offset, in the result's unit."""
    inputs, output = context.operation.inputs, context.operation.output
    tensor = inputs[2] if len(inputs) > 2 else None
    if tensor is None and not context.offset:
        return {}
    stated = np.zeros(output.shape[1]) if tensor is None else real(tensor)
    base = context.offset * scale_of(output) if context.offset else 0.0
    return {"bias": to_float16((stated - base) / context.unit, (tensor or output).name)}
