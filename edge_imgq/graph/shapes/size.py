"""Binding of a graph to one image size, so that every shape is static."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import onnx
import onnx_ir as ir

from edge_imgq.errors import ModelError
from edge_imgq.graph.load.channels_last import COLOURS
from edge_imgq.graph.load.dynamic_shape import with_dynamic_size
from edge_imgq.graph.ports.port_feeds import (
    further_inputs,
    is_one_pixel,
    name_open_sides,
    size_ratio,
)
from edge_imgq.graph.shapes.shape_arithmetic import fold_shape_arithmetic
from edge_imgq.graph.shapes.shape_inference import infer_shapes


def side_axes(shape: Sequence[object]) -> tuple[int, int]:
    """Return the axes of height and width: (2, 3), or (1, 2) for (N, H, W, C).

    A shape counts as channels last if only its last axis has 1 or 3 channels; (N, C, 1, 1) does
    not. Lengths are integers; any other entry counts as open.
    """
    last = len(shape) == 4 and shape[3] in COLOURS and shape[1] not in COLOURS
    return (1, 2) if last and tuple(shape[2:]) != (1, 1) else (2, 3)


def own_size(model: ir.Model) -> tuple[int, int] | None:
    """Return the fixed height and width of a model's first input, or None if one is open.

    The input is (N, C, H, W), or (N, H, W, C) as `side_axes` tells them apart.
    """
    shape = model.graph.inputs[0].shape
    assert shape is not None
    height, width = (shape[axis] for axis in side_axes(tuple(shape)))
    if isinstance(height, int) and isinstance(width, int):
        return height, width
    return None


def bind_size(model: ir.Model, size: tuple[int, int]) -> ir.Model:
    """Return a copy of the model for one image of `size`, with all shapes static.

    The batch becomes 1, and shape arithmetic is folded into constants; results are the same.
    Further inputs get their shapes too: a plane, such as a mask, the fraction of the image's height
    and width that its declared shape states, a vector sides of 1×1.

    Args:
        model: its first input is an image, (N, C, H, W) or (N, H, W, C); not changed. A model
            exported for another size is opened first, if no node holds that size.
        size: height and width in pixels.

    Raises:
        ModelError: the model is tied to another size, its shapes contradict each other at this one,
            or a dimension becomes empty or stays open.
    """
    if own_size(model) not in (None, size):
        model = with_dynamic_size(model, "The model")
    proto = ir.to_proto(model)
    _refuse_uneven(proto.graph, size)
    _set_input(proto, 1, size)
    try:
        inferred = infer_shapes(proto, strict=True)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(
            f"The model does not fit {size[0]}x{size[1]} images: {_contradiction(str(error))}. "
            "Give another size, or export it to ONNX with open height and width."
        ) from error
    bound: ir.Model = ir.from_proto(inferred)
    if fold_shape_arithmetic(bound):
        return bind_size(bound, size)
    _refuse_bad_shapes(bound, size)
    return bound


def _contradiction(error: str) -> str:
    """Return the first line of an error of ONNX's inference without tags, its node named first."""
    line = error.strip().split("\n")[0].replace("Inference error(s): ", "").rstrip(".")
    line = re.sub(r"\[\w+\] ", "", line)
    return re.sub(r"^\(op_type: ?(\w+), node name: ([^)]*)\): ", r"at \1 '\2', ", line)


SHAPED = frozenset({"Reshape", "Expand", "Tile", "Slice", "ConstantOfShape", "Range", "Unsqueeze"})
"""Operators whose second input is a shape or positions, or that only serve shape arithmetic."""


COUNTING = frozenset({"ReduceL1", "ReduceL2", "ReduceSum", "ReduceSumSquare"})
"""Operators that targets write as a mean times the number of elements."""

MAX_AXES = 5
"""Largest rank of Core ML tensors."""


def is_shaped_by_size(model: ir.Model) -> bool:
    """Return True if passes can handle a graph of open size only once its size is bound.

    It then has nodes whose meaning depends on the image's size: a Reshape, Slice or the like by
    shape arithmetic, an Einsum of two images, a sum or norm over pixels, or a Transpose of more
    than five axes. A Resize to the size of another tensor does not count.
    """
    return any(_is_shaped(node) for node in model.graph)


def _is_shaped(node: ir.Node) -> bool:
    if node.op_type == "Cast":
        return _is_computed(node.inputs[0])
    if node.op_type == "Einsum":
        return all(value is not None and value.const_value is None for value in node.inputs)
    if node.op_type in COUNTING:
        return _is_counted(node)
    if node.op_type == "Transpose":
        return len(node.attributes.get_ints("perm", [])) > MAX_AXES
    shapes = node.inputs[1:] or node.inputs
    return node.op_type in SHAPED and any(value and _is_computed(value) for value in shapes)


def _is_counted(node: ir.Node) -> bool:
    """Return True if the number of elements of a sum or norm depends on the size."""
    source, axes = node.inputs[0], node.inputs[1] if len(node.inputs) > 1 else None
    if source is None or source.shape is None:
        return False
    lengths = list(source.shape)
    if axes is not None and axes.const_value is not None:
        lengths = [lengths[int(axis)] for axis in axes.const_value.numpy().reshape(-1)]
    return not all(isinstance(length, int) for length in lengths)


def _is_computed(value: ir.Value | None) -> bool:
    return value is not None and value.const_value is None and value.dtype is ir.DataType.INT64


def takes_batches(model: ir.Model, size: tuple[int, int]) -> bool:
    """Return True if a model can run on a batch of more than one image.

    That is, if a batch of two gives every float value twice the elements that one image does. A
    Reshape or Resize with a constant batch of one does not. False also if shapes cannot be
    inferred.

    Args:
        model: float or QDQ model of one image input (N, C, H, W).
        size: height and width of the images.
    """
    one, two = (_lengths(model, count, size) for count in (1, 2))
    return one is not None and two is not None and all(two[key] == 2 * one[key] for key in one)


def _lengths(model: ir.Model, count: int, size: tuple[int, int]) -> dict[str, int] | None:
    """Return the number of elements of every float value for a batch, or None if one is open."""
    proto = ir.to_proto(model)
    _set_input(proto, count, size)
    try:
        inferred = ir.from_proto(infer_shapes(proto, strict=True))
    except onnx.shape_inference.InferenceError:
        return None
    lengths = {}
    for value in (value for node in inferred.graph for value in node.outputs):
        if value.shape is None or not value.shape.is_static():
            return None
        if value.dtype is ir.DataType.FLOAT and not _is_constant(value):
            lengths[value.name or ""] = math.prod(value.shape.numpy())
    return lengths


def _is_constant(value: ir.Value) -> bool:
    """Return True if a value is a dequantized constant."""
    node = value.producer()
    return node is not None and all(v is None or v.const_value is not None for v in node.inputs)


def _set_input(proto: onnx.ModelProto, count: int, size: tuple[int, int]) -> None:
    """Set the shape of the image inputs and clear all inferred shapes, in place."""
    others = further_inputs(proto.graph)
    ratios = {value.name: size_ratio(proto.graph, value) for value in others}
    dimensions = proto.graph.input[0].type.tensor_type.shape.dim
    axes = side_axes([d.dim_value or None for d in dimensions])
    for axis, length in zip((0, *axes), (count, *size), strict=True):
        dimensions[axis].dim_value = length
    for value in others:
        lengths = value.type.tensor_type.shape.dim
        one_pixel = is_one_pixel([d.dim_value for d in lengths])
        ratio = ratios[value.name]
        own = (1, 1) if one_pixel else (size[0] // ratio, size[1] // ratio)
        for axis, length in zip((0, 2, 3), (count, *own), strict=True):
            lengths[axis].dim_value = length
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")


def _refuse_uneven(graph: onnx.GraphProto, size: tuple[int, int]) -> None:
    """Raise if a side is not a multiple of the fraction that an input has of it."""
    for value in further_inputs(graph):
        ratio = size_ratio(graph, value)
        if size[0] % ratio or size[1] % ratio:
            raise ModelError(
                f"The model does not fit {size[0]}x{size[1]} images: '{value.name}' has 1/{ratio} "
                "of their sides."
            )


def open_input(proto: onnx.ModelProto) -> None:
    """Make batch, height and width of the inputs of rank 4 open, in place; other shapes are kept.

    Vectors (N, C, 1, 1) keep their sides. If the image is the only input, its channels are opened
    too. Sides of a plane at a fraction of the image's are named after it, such as "height/2".
    """
    others = further_inputs(proto.graph)
    ratios = {value.name: size_ratio(proto.graph, value) for value in others}
    for value in (proto.graph.input[0], *others):
        lengths = value.type.tensor_type.shape.dim
        one_pixel = is_one_pixel([d.dim_value for d in lengths])
        for axis, dimension in enumerate(lengths):
            if not others or axis == 0 or (axis > 1 and not one_pixel):
                dimension.Clear()
        if ratios.get(value.name, 1) > 1:
            name_open_sides(value, ratios[value.name])


def _refuse_bad_shapes(model: ir.Model, size: tuple[int, int]) -> None:
    """Refuse open, empty or inconsistent shapes.

    Raises:
        ModelError: the message names the node.
    """
    unfit = f"The model does not fit {size[0]}x{size[1]} images:"
    for node in model.graph:
        for value in node.outputs:
            where = f"{node.op_type} '{node.name}'"
            if value.shape is not None and any(isinstance(n, int) and n < 0 for n in value.shape):
                raise ModelError(f"{unfit} nothing is left of so small an image after {where}.")
            if value.shape is None or not all(isinstance(length, int) for length in value.shape):
                raise ModelError(
                    f"The shape of '{value.name}', after {where}, is still "
                    f"open at {size[0]}x{size[1]}: {value.shape}. Shapes that depend on pixel "
                    "values cannot run on a phone."
                )
            source = node.inputs[0] if node.op_type in REARRANGING else None
            if source is not None and source.shape is not None and source.shape.is_static():
                before, after = source.shape.numpy(), value.shape.numpy()
                if math.prod(before) != math.prod(after):
                    raise ModelError(
                        f"{unfit} {where} makes {'x'.join(map(str, after))} numbers of "
                        f"{'x'.join(map(str, before))}."
                    )


REARRANGING = frozenset({"DepthToSpace", "Reshape", "SpaceToDepth"})
"""Operators that keep the number of elements, which ONNX's inference does not check."""
