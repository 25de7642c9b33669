"""Move linear layers on flattened pixels before the flattening.

onnxsim fuses a product of the last axis and its bias to a Gemm, which accepts only matrices,
between two reshapes. For a channels-last image x, and f a Gemm with constant weights or an
elementwise function,

    f(Reshape(x, (N·H·W, C))) = Reshape(f(x), (N·H·W, M)),      Gemm(x) = MatMul(x, W) + b.

The Reshape moves after all of them, up to the one that restores the image
(`edge_imgq.graph.passes.tidy.merge_reshapes`). The product of an image then becomes a 1×1
convolution (`edge_imgq.graph.passes.normalise.reduce_transposes`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.load.dynamic_shape import ends_in_channels
from edge_imgq.graph.operators import ELEMENTWISE


def lift_gemm_over_reshape(model: ir.Model) -> int:
    """Move the Reshape of channels-last images to (N·H·W, C) after Gemm and elementwise operators.

    These then act on (N, H, W, C). Shapes must be static, and weights and other operands that are
    not such images constant; a Gemm becomes MatMul and Add. Exact in real numbers, but MatMul and
    Add may round differently from Gemm in float32.

    Args:
        model: edited in place.

    Returns:
        The number of nodes that the flattening was moved after.
    """
    return sum(_move(model.graph, node) for node in list(model.graph) if node.graph is not None)


def _move(graph: ir.Graph, node: ir.Node) -> bool:
    if node.op_type not in (*ELEMENTWISE, "Gemm") or len(node.outputs) != 1:
        return False
    computed = [v for v in node.inputs if v is not None and not edit.is_constant(v)]
    images = [_image_of(value) for value in computed]
    result = node.outputs[0]
    if not images or None in images or result.shape is None or not result.shape.is_static():
        return False
    shape = ir.Shape([*images[0].shape[:-1], result.shape[1]])  # type: ignore[union-attr,index]
    if node.op_type == "Gemm":
        image = _product(graph, node, images[0], shape)
    else:
        image = _elementwise(graph, node, images, shape)
    if image is None:
        return False
    rows = edit.add_constant(graph, f"{node.name}.rows", np.array(result.shape.numpy(), np.int64))
    flat = edit.insert_node(graph, node, "Reshape", [image, rows], {}, f"{node.name}.flat")
    flat.shape = result.shape
    edit.replace_value(result, flat)
    edit.remove_dead(node)
    return True


def _image_of(value: ir.Value) -> ir.Value | None:
    """Return the channels-last image whose pixels are the rows of a matrix, or None."""
    node = value.producer()
    if node is None or node.op_type != "Reshape" or value.shape is None or len(value.shape) != 2:
        return None
    image = node.inputs[0]
    if image is None or image.shape is None or len(image.shape) != 4:
        return None
    whole = image.shape.is_static() and image.shape[-1] == value.shape[-1]
    return image if whole and ends_in_channels(image) else None


def _product(
    graph: ir.Graph, node: ir.Node, image: ir.Value | None, shape: ir.Shape
) -> ir.Value | None:
    weight, bias = node.inputs[1], node.inputs[2] if len(node.inputs) > 2 else None
    attributes = node.attributes
    turned, other = (attributes.get_int(key, 0) for key in ("transA", "transB"))
    if not edit.is_constant(weight) or turned:
        return None
    if bias is not None and (not edit.is_constant(bias) or edit.contents(bias).ndim > 1):
        return None
    matrix = edit.contents(weight).T if other else edit.contents(weight)
    matrix = matrix * np.float32(attributes.get_float("alpha", 1.0))
    product = _insert(
        graph, node, "MatMul", [image, _constant(graph, node, "weight", matrix)], shape
    )
    if bias is None:
        return product
    offsets = edit.contents(bias) * np.float32(attributes.get_float("beta", 1.0))
    return _insert(graph, node, "Add", [product, _constant(graph, node, "bias", offsets)], shape)


def _elementwise(
    graph: ir.Graph, node: ir.Node, images: list[ir.Value | None], shape: ir.Shape
) -> ir.Value | None:
    constants = [edit.contents(value) for value in node.inputs if edit.is_constant(value)]
    if any(array.ndim > 1 for array in constants):
        return None
    left = iter(images)
    inputs = [v if v is None or edit.is_constant(v) else next(left) for v in node.inputs]
    return _insert(graph, node, node.op_type, inputs, shape, **node.attributes)


def _insert(
    graph: ir.Graph,
    node: ir.Node,
    kind: str,
    inputs: list[ir.Value | None],
    shape: ir.Shape,
    **attributes: Any,
) -> ir.Value:
    name = f"{node.name}.image.{kind.lower()}"
    output = edit.insert_node(graph, node, kind, inputs, attributes, name)
    edit.producer(output).metadata_props.update(node.metadata_props)
    output.shape = shape
    return output


def _constant(graph: ir.Graph, node: ir.Node, word: str, array: Any) -> ir.Value:
    return edit.add_constant(graph, f"{node.name}.{word}", np.asarray(array, np.float32))
