"""Convert models with (N, H, W, C) images, as TensorFlow exports them, to channels first.

A Transpose after the input and one before the output change only the layout at the ends. Inside
they meet the transpositions that such models have around every convolution, and
`edge_imgq.graph.passes.normalise.reduce_transposes` cancels them.
"""

from __future__ import annotations

import onnx
from onnx import helper

COLOURS = (1, 3)
TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def channels_first(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model that takes and returns (N, C, H, W) in place of (N, H, W, C); bit-exact.

    A Transpose is added after each input and before each output that is channels last: of rank 4,
    with a last axis of length 1 or 3 and a second axis of neither; (N, C, 1, 1) is not.

    Args:
        model: model with inferred shapes; not changed.

    Returns:
        The model itself if its images are channels first or have another rank.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if not any(_is_last(value) for value in (*inputs, *model.graph.output)):
        return model
    turned = onnx.ModelProto()
    turned.CopyFrom(model)
    graph = turned.graph
    for value in graph.input:
        if value.name not in constants and _is_last(value):
            inner = _rename(graph, value.name)
            _permute(value, TO_FIRST)
            name = f"{value.name}/transpose"
            node = helper.make_node("Transpose", [value.name], [inner], name, perm=TO_LAST)
            graph.node.insert(0, node)
    for value in graph.output:
        if _is_last(value):
            inner = _rename(graph, value.name)
            _permute(value, TO_FIRST)
            name = f"{value.name}/transpose"
            graph.node.append(
                helper.make_node("Transpose", [inner], [value.name], name, perm=TO_FIRST)
            )
    return turned


def _is_last(value: onnx.ValueInfoProto) -> bool:
    shape = value.type.tensor_type.shape.dim
    if len(shape) != 4 or shape[3].dim_value not in COLOURS:
        return False
    if shape[2].dim_value == shape[3].dim_value == 1:  # numbers of a whole image
        return False
    return shape[1].dim_value not in COLOURS


def _rename(graph: onnx.GraphProto, name: str) -> str:
    """Rename a value inside the graph to a unique name, and return that name."""
    taken = {other for node in graph.node for other in (*node.input, *node.output)}
    inner = f"{name}/channels_last"
    while inner in taken:
        inner += "_"
    for node in graph.node:
        for names in (node.input, node.output):
            for index, other in enumerate(names):
                if other == name:
                    names[index] = inner
    return inner


def _permute(value: onnx.ValueInfoProto, order: tuple[int, ...]) -> None:
    dimensions = value.type.tensor_type.shape.dim
    before = [onnx.TensorShapeProto.Dimension() for _ in dimensions]
    for copy, dimension in zip(before, dimensions, strict=True):
        copy.CopyFrom(dimension)
    for dimension, axis in zip(dimensions, order, strict=True):
        dimension.CopyFrom(before[axis])
