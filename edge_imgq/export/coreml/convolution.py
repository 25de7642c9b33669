"""Convolutions, with their integer weights kept as integers in the file."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.coreml.steps import Site, half, mb, real, step
from edge_imgq.graph.network import Operation, Tensor


def conv(site: Site) -> Any:
    """Conv: weights (out, in / groups, kh, kw), as in ONNX."""
    x, factor = _input(site)
    return mb.conv(
        x=x,
        weight=_weight(site.operation.operand(1), factor),
        **_bias(site),
        strides=site.attribute("strides", (1, 1)),
        dilations=site.attribute("dilations", (1, 1)),
        groups=site.attribute("group", 1),
        pad_type="custom",
        pad=_sides(window_padding(site.operation)),
    )


def conv_transpose(site: Site) -> Any:
    """ConvTranspose: weights (in, out / groups, kh, kw), as in ONNX.

    Output padding is cut from the padding at the end: Core ML has no output padding, so the
    unpadded result is computed and cropped, which is also what coremltools' torch front end does.
    """
    operation = site.operation
    x, factor = _input(site)
    top, left, bottom, right = window_padding(operation)
    extra = operation.attributes.get("output_padding", (0, 0))
    bottom, right = bottom - extra[0], right - extra[1]
    cropped = any(extra)
    full = mb.conv_transpose(
        x=x,
        weight=_weight(operation.operand(1), factor),
        **_bias(site),
        strides=site.attribute("strides", (1, 1)),
        dilations=site.attribute("dilations", (1, 1)),
        groups=site.attribute("group", 1),
        pad_type="custom",
        pad=[0] * 4 if cropped else _sides((top, left, bottom, right)),
    )
    if not cropped:
        return full
    return mb.crop(x=full, crop_height=[top, bottom], crop_width=[left, right])


def refuse_conv(operation: Operation) -> str | None:
    """Say what of a Conv has no form."""
    if len(operation.operand(0).shape) != 4:
        return "only two-dimensional images are convolved"
    if operation.operand(1).data is None:
        return "its weights are computed at run time"
    return None


def refuse_conv_transpose(operation: Operation) -> str | None:
    """Say what of a ConvTranspose has no form."""
    pads = window_padding(operation)
    extra = operation.attributes.get("output_padding", (0, 0))
    if any(more > end for more, end in zip(extra, pads[2:], strict=True)):
        return "its output padding is larger than its padding"
    return refuse_conv(operation)


def window_padding(operation: Operation) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right) of an ONNX sliding window, from `pads` or `auto_pad`.

    ConvTranspose with `auto_pad` SAME pads so that the output is input × stride.
    """
    automatic = operation.attributes.get("auto_pad", "NOTSET")
    if automatic == "NOTSET":
        top, left, bottom, right = operation.attributes.get("pads", (0, 0, 0, 0))
        return top, left, bottom, right
    if automatic == "VALID":
        return 0, 0, 0, 0
    small_image, large_image = operation.operand(0).shape[2:], operation.output.shape[2:]
    if operation.kind == "ConvTranspose":
        small_image, large_image = large_image, small_image
    totals = _same_totals(operation, small_image, large_image)
    less, more = [total // 2 for total in totals], [total - total // 2 for total in totals]
    first, last = (less, more) if automatic == "SAME_UPPER" else (more, less)
    return first[0], first[1], last[0], last[1]


def _same_totals(
    operation: Operation, image: tuple[int, ...], windows: tuple[int, ...]
) -> list[int]:
    """Return the padding per axis that lets `windows` windows cover `image`."""
    kernel = operation.attributes.get("kernel_shape") or operation.operand(1).shape[2:]
    strides = operation.attributes.get("strides", (1, 1))
    dilations = operation.attributes.get("dilations", (1, 1))
    return [
        max((windows[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - image[i], 0)
        for i in range(2)
    ]


def _input(site: Site) -> tuple[Any, float]:
    """Return the image in its own steps, and what turns its steps into the result's."""
    own = step(site.operation.operand(0))
    return site.read(0, own), own / site.unit


def _weight(tensor: Tensor, factor: float) -> Any:
    """Return weights × factor; int8 weights stay int8 in the file, with a scale per channel."""
    quantization = tensor.quantization
    if quantization is None or quantization.dtype != "int8" or tensor.data is None:
        return half(real(tensor) * factor, tensor.name)
    scale = half(quantization.scale.astype(np.float64) * factor, tensor.name)
    zero = quantization.zero_point.astype(np.int8)
    per_channel = quantization.axis is not None
    return mb.constexpr_affine_dequantize(
        quantized_data=np.asarray(tensor.data, np.int8),
        zero_point=zero if per_channel else zero[0],
        scale=scale if per_channel else scale[0],
        axis=np.int32(quantization.axis or 0),
    )


def _bias(site: Site) -> dict[str, Any]:
    inputs = site.operation.inputs
    tensor = inputs[2] if len(inputs) > 2 else None
    return {} if tensor is None else {"bias": half(real(tensor) / site.unit, tensor.name)}


def _sides(pads: tuple[int, int, int, int]) -> list[int]:
    """Reorder ONNX's (top, left, bottom, right) to Core ML's (top, bottom, left, right)."""
    top, left, bottom, right = pads
    return [top, bottom, left, right]
