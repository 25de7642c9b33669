"""Conversion of networks with other pixel ranges, such as [-1, 1], to [0, 1].

With n the network, l and h its values of pixel 0 and 255, and x an image in [0, 1],

    f(x) = (n(x · (h − l) + l) − l) / (h − l)

takes and returns [0, 1]. All later stages, the float reference included, use f, so that apps feed
every network alike. The affine at each end is folded into a convolution where that is exact.

Outputs other than images have ranges of their own and are scaled to [0, peak]. A vector becomes an
image of one pixel, with its elements as channels.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import PixelRange
from edge_imgq.graph import edit

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.ports import Port

    Floats: TypeAlias = NDArray[np.float64]

_ENDS = re.compile(r"pixels\.(in|out\d*)\.(factor|offset)")


def to_unit_range(model: ir.Model, pixels: PixelRange) -> None:
    """Rewrite a network to take and return pixels from 0 to 1, in place.

    With the network n, f(x) = (n(x · (high − low) + low) − low) / (high − low) is written, by a Mul
    and an Add at each end. Exact in real numbers; values are not clipped.

    Args:
        model: float32 model of opset 21 whose first input and first output are images.
        pixels: the values that it has now for pixels 0 and 255; they must differ.
    """
    span = pixels.high - pixels.low
    take_unit_range(model, pixels)
    _leave(model.graph, 1.0 / span, -pixels.low / span)


def take_unit_range(model: ir.Model, pixels: PixelRange) -> None:
    """Rewrite a network to take pixels from 0 to 1, in place; its outputs keep their values.

    The image, its first input, is multiplied by high − low, and low is added, by a Mul and an Add
    in float32. Other inputs are unchanged.

    Args:
        model: float32 model of opset 21 whose first input is the image.
        pixels: the values that it takes now for pixels 0 and 255.
    """
    _enter(model.graph, pixels.high - pixels.low, pixels.low)


def return_port(model: ir.Model, port: Port, peak: float, index: int = 0) -> None:
    """Rewrite an output (1, C, H, W) to range from 0 to `peak`, in place.

    y becomes (y − low) · peak / (high − low), by a Mul and an Add, or in the weights of a final
    Gemm. A vector (C,) or (1, C) becomes (1, C, 1, 1). Exact in real numbers; values are not
    clipped.

    Args:
        model: float32 model of opset 21 that returns the port's original values.
        port: the output, with its `low` and `high` values, one of each or one per channel.
        peak: value that `port.high` is mapped to.
        index: index of the port among the outputs.
    """
    low, high = np.array(port.low), np.array(port.high)
    factor = peak / (high - low)
    folded = _into_product(model.graph, factor, -low * factor, index)
    output = model.graph.outputs[index]
    if port.kind == "vector" and (output.shape is None or len(output.shape) != 4):
        _make_pixel(model.graph, port.channels, index)
    if not folded and ((low != 0).any() or (high != peak).any()):
        _leave(model.graph, _by_channel(factor), _by_channel(-low * factor), index)


def is_of_range(constant: ir.Value, graph: ir.Graph) -> bool:
    """Return True if a constant rescales an input or output of a graph and is no learned weight.

    It is recognised by the name that `to_unit_range`, `return_port` or `take_ports` gives it.
    Factors that were folded into a network's own weights are not recognised.
    """
    name = constant.name or ""
    if _ENDS.match(name):
        return True
    port, _, what = name.rpartition(".")
    return what in ("unit", "low") and any(port == value.name for value in graph.inputs)


def _into_product(graph: ir.Graph, factor: Floats, offset: Floats, index: int) -> bool:
    """Fold factor and offset into a final Gemm; return False if there is none."""
    node = graph.outputs[index].producer()
    if node is None or node.op_type != "Gemm" or list(graph.outputs[index].uses()):
        return False
    constants = node.inputs[1:]
    if len(constants) < 2 or not all(edit.is_constant(value) for value in constants):
        return False
    if node.attributes.get_float("alpha", 1.0) != 1 or node.attributes.get_float("beta", 1.0) != 1:
        return False
    weight, bias = (np.asarray(edit.contents(value), np.float64) for value in constants)
    rows = factor.reshape(-1, 1) if node.attributes.get_int("transB", 0) else factor
    edit.replace_input(node, 1, np.asarray(weight * rows, np.float32), "unit")
    edit.replace_input(node, 2, np.asarray(bias * factor + offset, np.float32), "unit")
    return True


def _by_channel(numbers: Floats) -> Floats:
    """Return a scalar, or (C, 1, 1), to broadcast over an image."""
    return numbers.reshape(() if numbers.size == 1 else (-1, 1, 1))


def _make_pixel(graph: ir.Graph, channels: int, index: int) -> None:
    """Reshape a vector output to one pixel (1, C, 1, 1), keeping its name."""
    output = graph.outputs[index]
    axes = [2, 3] if output.shape is not None and len(output.shape) == 2 else [0, 2, 3]
    numbers = edit.add_constant(graph, "vector.axes", np.array(axes, np.int64))
    node = ir.node("Unsqueeze", [output, numbers], name=f"vector{index or ''}")
    result = node.outputs[0]
    result.shape, result.type = ir.Shape([1, channels, 1, 1]), output.type
    graph.append(node)
    result.name, output.name = output.name, edit.free_name(graph, f"{output.name}.own")
    graph.outputs[index] = result


def _enter(graph: ir.Graph, factor: float, offset: float) -> None:
    image = graph.inputs[0]
    readers = list(image.uses())
    scaled = _affine(graph, image, factor, offset, "pixels.in", before=next(iter(graph), None))
    for use in readers:
        use.node.replace_input_with(use.idx, scaled)


def _leave(graph: ir.Graph, factor: float | Floats, offset: float | Floats, index: int = 0) -> None:
    output = graph.outputs[index]
    scaled = _affine(graph, output, factor, offset, f"pixels.out{index or ''}", before=None)
    scaled.name, output.name = output.name, edit.free_name(graph, f"{output.name}.own")
    graph.outputs[index] = scaled


def _affine(
    graph: ir.Graph,
    source: ir.Value,
    factor: float | Floats,
    offset: float | Floats,
    name: str,
    before: ir.Node | None,
) -> ir.Value:
    """Insert source · factor + offset before a node, or at the end of the graph."""
    product = ir.node("Mul", [source, _scalar(graph, f"{name}.factor", factor)], name=f"{name}.mul")
    total = ir.node(
        "Add",
        [product.outputs[0], _scalar(graph, f"{name}.offset", offset)],
        name=f"{name}.add",
    )
    for node in (product, total):
        node.outputs[0].name = edit.free_name(graph, node.name or name)
        node.outputs[0].shape, node.outputs[0].type = source.shape, source.type
        if before is None:
            graph.append(node)
        else:
            graph.insert_before(before, node)
    return total.outputs[0]


def _scalar(graph: ir.Graph, name: str, number: float | Floats) -> ir.Value:
    return edit.add_constant(graph, name, np.asarray(number, np.float32))
