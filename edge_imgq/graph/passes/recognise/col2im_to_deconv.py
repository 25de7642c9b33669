"""Rewrite Col2Im (torch's `fold`) as a transposed convolution.

Column l of (N, C · k, L) holds, for each channel, the values of a window of k pixels. Windows are
placed on the image and overlapping pixels are summed. That is a transposed convolution of C groups
with the same strides, dilations and pads, whose k input channels each write one pixel of the
window:

    Col2Im(x) = ConvTranspose(Reshape(x, (N, C · k, rows, columns)), one-hot windows; group = C).
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


def col2im_to_deconv(model: ir.Model) -> int:
    """Rewrite Col2Im (torch's `fold`) of two spatial axes and static shape as a ConvTranspose.

    Its input (N, C · k, L) is reshaped to (N, C · k, rows, columns), one position per window of k
    pixels. The ConvTranspose has one group per channel and one-hot weights (C · k, 1, height,
    width). Exact in real numbers; float32 sums may be ordered differently.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "Col2Im"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    source, image, window = node.inputs
    if source is None or source.shape is None or not source.shape.is_static():
        return False
    if not edit.is_constant(image) or not edit.is_constant(window):
        return False
    sides, kernel = (edit.contents(value).reshape(-1).tolist() for value in (image, window))
    if len(sides) != 2 or len(kernel) != 2:
        return False
    strides = list(node.attributes.get_ints("strides", [1, 1]))
    dilations = list(node.attributes.get_ints("dilations", [1, 1]))
    pads = list(node.attributes.get_ints("pads", [0] * 4))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    padded = [sides[i] + pads[i] + pads[i + 2] for i in (0, 1)]
    grid = [(padded[i] - reach[i]) // strides[i] + 1 for i in (0, 1)]
    rest = [padded[i] - reach[i] - (grid[i] - 1) * strides[i] for i in (0, 1)]
    batch, depth, _ = (int(length) for length in source.shape.numpy())
    attributes = {
        "kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": pads,
        "output_padding": rest, "group": depth // (kernel[0] * kernel[1]),
    }  # fmt: skip
    name = f"{node.name}.fold"
    laid = edit.insert_reshape(graph, node, source, [batch, depth, *grid], f"{name}.windows")
    weight = edit.add_constant(graph, f"{name}.weight", _one_hot(depth, kernel))
    result = edit.insert_node(graph, node, "ConvTranspose", [laid, weight], attributes, name)
    result.shape = ir.Shape([batch, attributes["group"], *sides])
    edit.replace_value(node.outputs[0], result)
    edit.remove_node(node)
    return True


def _one_hot(depth: int, kernel: list[int]) -> np.ndarray:
    """Return float32 weights (C · k, 1, kh, kw) that write input channel i to pixel i mod k."""
    pixels = kernel[0] * kernel[1]
    return np.tile(np.eye(pixels, dtype=np.float32), (depth // pixels, 1)).reshape(
        depth, 1, *kernel
    )
