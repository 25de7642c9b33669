"""Rewrite transposed convolutions as convolutions over a zero-inserted image.

A transposed convolution of stride s adds, for each input pixel i, a kernel to its output at s·i.
That equals a convolution of stride 1 over the input with s − 1 zeros after each pixel, with the
kernel rotated by 180° and its input and output channels exchanged (one dimension shown):

    z[s·i] = x[i], z elsewhere 0;    y[n] = Σ_k W[k] · x[i], s·i + k = n + p
                                          = Σ_t W[K − 1 − t] · z[n + t − (K − 1 − p)],

padded with K − 1 − p zeros before, and K − s − p′ + o after, o the output padding. The zeros are
written by operators that every accelerator has:

    z = nearest(x, s) · mask,     mask 1 where row and column are multiples of s, else 0.

The copies, and the products of finite values with the mask, are exact. It takes s² times the
multiplications of the transposed convolution. It is meant for drivers without transposed
convolution, and runs after `pixel-shuffle-to-deconv`, so that pixel shuffles are rewritten as well.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import Convolution, convolution_of

NEAREST = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


def zero_insertion(model: ir.Model) -> int:
    """Rewrite each dense ConvTranspose of stride s ≥ 2 as a convolution over a zero-inserted image.

    A nearest Resize by s and a mask insert s − 1 zeros after each pixel of (N, C, H, W); a Conv of
    stride 1 with the rotated kernel follows. That takes s² times the multiplications, for
    accelerators without transposed convolution. Exact in real numbers; float32 sums may be ordered
    differently. A graph with a DequantizeLinear node, grouped and dilated nodes, and those whose
    padding would be negative are left unchanged.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    if any(node.op_type == "DequantizeLinear" for node in model.graph):
        return 0
    count = 0
    for node in [node for node in model.graph if node.op_type == "ConvTranspose"]:
        convolution = convolution_of(node)
        if convolution is None or not convolution.is_dense or convolution.strides == (1, 1):
            continue
        pads = _pads(convolution)
        if pads is not None and min(pads) >= 0:
            _rewrite(model.graph, node, convolution, pads)
            count += 1
    return count


def _pads(convolution: Convolution) -> list[int] | None:
    """Return the pads of the plain convolution, or None if they depend on the image size."""
    if convolution.pads is None:
        return None
    before = [convolution.kernel[i] - 1 - convolution.pads[i] for i in (0, 1)]
    after = [
        convolution.kernel[i]
        - convolution.strides[i]
        - convolution.pads[i + 2]
        + convolution.output_padding[i]
        for i in (0, 1)
    ]
    return [*before, *after]


def _rewrite(graph: ir.Graph, node: ir.Node, convolution: Convolution, pads: list[int]) -> None:
    name, source = f"{node.name}.spaced", node.inputs[0]
    rows, columns = convolution.strides
    factors = edit.add_constant(graph, f"{name}.factors", np.array([1, 1, rows, columns], "f4"))
    large = edit.insert_node(
        graph, node, "Resize", [source, None, factors], NEAREST, f"{name}.nearest"
    )
    mask = _mask(graph, node, convolution, name)
    spaced = edit.insert_node(graph, node, "Mul", [large, mask], {}, name)
    kernel = np.ascontiguousarray(convolution.weight[:, :, ::-1, ::-1].swapaxes(0, 1))
    inputs = [spaced, edit.add_constant(graph, f"{node.name}.weight.turned", kernel)]
    attributes = {"kernel_shape": list(convolution.kernel), "pads": pads}
    image = edit.insert_node(
        graph, node, "Conv", [*inputs, *node.inputs[2:]], attributes, f"{node.name}.turned"
    )
    image.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], image)
    edit.remove_node(node)


def _mask(graph: ir.Graph, node: ir.Node, convolution: Convolution, name: str) -> ir.Value:
    """Return the mask: one block of s × s, tiled once per input pixel at run time."""
    one = np.zeros((1, 1, *convolution.strides), np.float32)
    one[0, 0, 0, 0] = 1
    ends = [
        edit.add_constant(graph, f"{name}.{w}", np.array([n])) for w, n in (("from", 2), ("to", 4))
    ]
    shape = edit.insert_node(graph, node, "Shape", [node.inputs[0]], {}, f"{name}.shape")
    sides = edit.insert_node(graph, node, "Slice", [shape, *ends], {}, f"{name}.sides")
    ones = edit.add_constant(graph, f"{name}.ones", np.array([1, 1]))
    times = edit.insert_node(graph, node, "Concat", [ones, sides], {"axis": 0}, f"{name}.times")
    for value in (shape, sides, times):
        value.dtype = ir.DataType.INT64
    pixel = edit.add_constant(graph, f"{name}.pixel", one)
    return edit.insert_node(graph, node, "Tile", [pixel, times], {}, f"{name}.mask")
