"""Preserve the semantics of operators of opsets 7 to 12 across onnx's version converter.

The converter keeps these operators although their meaning changed:

- Upsample, and Resize of opset 10, sample at x / s. From opset 11 on that is called "asymmetric",
  and the default is half-pixel, a shift by a fraction of a pixel
  (https://github.com/onnx/onnx/issues/8480). In "nearest" mode, positions between two pixels are
  rounded down along axes that grow and up along axes that shrink, as in ONNX Runtime.
- Hardmax takes the maximum over all axes from `axis` on; from opset 13 on, over that axis only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

COORDINATE_MODE_OPSET = 11
"""First opset whose Resize states its coordinate transformation."""

ONE_AXIS = 13
"""First opset whose Hardmax acts along one axis."""


def state_coordinates(model: onnx.ModelProto) -> None:
    """Set the coordinate mode of every Resize to "asymmetric", as opset 10 defined it, in place.

    Output pixel x reads the input at x / scale. In "nearest" mode positions between pixels are
    rounded down along axes that grow and up along those that shrink, as in ONNX Runtime; a Resize
    that does both becomes two.

    Args:
        model: model of opset 11, converted from an older one.
    """
    constants = _constants(model.graph)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        is_resize = node.op_type == "Resize"
        model.graph.node.extend(_sampled(model.graph, node, constants) if is_resize else [node])


def _sampled(
    graph: onnx.GraphProto, node: onnx.NodeProto, constants: dict[str, NDArray[Any]]
) -> list[onnx.NodeProto]:
    """Return a Resize with stated coordinates; two if some axes grow and others shrink."""
    scales = constants.get(node.input[2], np.ones(1))
    mode = next((a.s for a in node.attribute if a.name == "mode"), b"nearest")
    shrinks, grows = bool((scales < 1).any()), bool((scales > 1).any())
    if mode != b"nearest" or not (shrinks and grows):
        return [_with_coordinates(node, "ceil" if shrinks else "floor")]
    grown = f"{node.output[0]}.grown"
    first, second = onnx.NodeProto(), onnx.NodeProto()
    for resize, factors, ends in (
        (first, np.maximum(scales, 1), (node.input[0], grown)),
        (second, np.minimum(scales, 1), (grown, node.output[0])),
    ):
        resize.CopyFrom(node)
        resize.input[0], resize.output[0] = ends
        resize.input[2] = f"{ends[1]}.scales"
        graph.initializer.append(numpy_helper.from_array(factors, resize.input[2]))
    first.name = f"{node.name}.grown"
    return [_with_coordinates(first, "floor"), _with_coordinates(second, "ceil")]


def _with_coordinates(node: onnx.NodeProto, rounding: str) -> onnx.NodeProto:
    mode = helper.make_attribute("coordinate_transformation_mode", "asymmetric")
    node.attribute.extend([mode, helper.make_attribute("nearest_mode", rounding)])
    return node


def _constants(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """Return the constant tensors of a graph by name."""
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            arrays[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return arrays


def flatten_hardmax(model: onnx.ModelProto) -> None:
    """Make every Hardmax act on all axes from `axis` on, as before opset 13, in place.

    It becomes Flatten to two axes at `axis`, Hardmax along the second, and Reshape to the old
    shape; bit-exact.

    Args:
        model: model of an opset before 13, edited in place.
    """
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        is_hardmax = node.op_type == "Hardmax"
        model.graph.node.extend(_flattened(node) if is_hardmax else [node])


def _flattened(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    source, result = node.input[0], node.output[0]
    shape, flat, greatest = (f"{result}.{suffix}" for suffix in ("shape", "flat", "greatest"))
    return [
        helper.make_node("Shape", [source], [shape]),
        helper.make_node("Flatten", [source], [flat], axis=axis),
        helper.make_node("Hardmax", [flat], [greatest], node.name, axis=1),
        helper.make_node("Reshape", [greatest, shape], [result]),
    ]
