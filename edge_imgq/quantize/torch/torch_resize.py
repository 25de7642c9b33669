"""Resize in torch: by torch's interpolate where it is equivalent, else by matrix products."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
import torch
import torch.nn.functional as F

from edge_imgq.graph.network import Operation
from edge_imgq.graph.network import Tensor as Constant
from edge_imgq.graph.read_network import plain_attribute
from edge_imgq.graph.resize_sampling import matrix
from edge_imgq.quantize.torch.torch_inputs import Inputs, given, integers, optional

HALF_PIXEL = ("half_pixel", "pytorch_half_pixel")
ROUND = ("round_prefer_floor", "round_prefer_ceil")


def resize(node: ir.Node, inputs: Inputs) -> torch.Tensor:
    """Compute Resize of a float32 tensor of any rank, in every mode of ONNX, differentiably.

    `inputs` are those of ONNX: the tensor, region, scales and sizes. Nearest is exact.
    Interpolation equals ONNX Runtime's up to float32 rounding; positions outside the image in
    tf_crop_and_resize become 0, whatever `extrapolation_value` says.

    Raises:
        NotCoveredError: a required input is absent.
    """
    source, scales = given(inputs, 0), optional(inputs, 2)
    listed = [] if scales is None else [float(scale) for scale in scales]
    mode = _torch_mode(node, listed) if source.ndim == 4 else None
    if mode is not None:
        aligned = False if mode == "bilinear" else None
        return F.interpolate(source, scale_factor=listed[2:], mode=mode, align_corners=aligned)
    operation = _operation(node, inputs, _output_shape(node, inputs))
    for axis, length in enumerate(operation.output.shape):
        table = matrix(operation, axis)
        if length != source.shape[axis] or not np.array_equal(table, np.eye(length)):
            rows = torch.from_numpy(table.astype(np.float32))
            source = torch.tensordot(source, rows, dims=([axis], [1])).movedim(-1, axis)
    return source


def _torch_mode(node: ir.Node, scales: Sequence[float]) -> str | None:
    """Return torch's mode for a Resize of height and width; None if none is equivalent."""
    coordinates = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    mode = node.attributes.get_string("mode", "nearest")
    if len(scales) != 4 or scales[:2] != [1, 1] or bool(node.attributes.get_int("antialias", 0)):
        return None
    if mode == "linear" and coordinates in HALF_PIXEL:
        return "bilinear"
    rounding = node.attributes.get_string("nearest_mode", ROUND[0])
    copies = (coordinates == "asymmetric" and rounding == "floor") or (
        coordinates in HALF_PIXEL and rounding in ROUND
    )
    if mode == "nearest" and copies and all(scale == int(scale) for scale in scales):
        return "nearest"
    return None


def _output_shape(node: ir.Node, inputs: Inputs) -> tuple[int, ...]:
    """Compute the shape of the result from scales or sizes."""
    shape = list(given(inputs, 0).shape)
    scales, sizes = optional(inputs, 2), integers(inputs, 3)
    axes = [axis % len(shape) for axis in node.attributes.get_ints("axes", range(len(shape)))]
    if sizes:
        policy = node.attributes.get_string("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            choose = min if policy == "not_larger" else max
            scale = choose(size / shape[axis] for size, axis in zip(sizes, axes, strict=True))
            sizes = [int(np.floor(scale * shape[axis] + 0.5)) for axis in axes]
        for axis, size in zip(axes, sizes, strict=True):
            shape[axis] = size
    elif scales is not None:
        for axis, scale in zip(axes, scales.tolist(), strict=True):
            shape[axis] = int(np.floor(shape[axis] * np.float32(scale)))
    return tuple(shape)


def _operation(node: ir.Node, inputs: Inputs, shape: tuple[int, ...]) -> Operation:
    """Convert a node to an Operation at the size of this image."""
    source = given(inputs, 0)
    constants = tuple(
        None if value is None else Constant("", tuple(value.shape), data=np.asarray(value))
        for value in inputs[1:]
    )
    operands = (Constant("", tuple(source.shape)), *constants)
    attributes = {name: plain_attribute(value) for name, value in node.attributes.items()}
    return Operation(node.op_type, node.name or "", operands, (Constant("", shape),), attributes)
