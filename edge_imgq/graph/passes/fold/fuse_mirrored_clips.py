"""Fuse two rectifiers with a falling line between them into one Clip.

    relu(b − a·relu(x)) = clip(b − a·x, 0, b),        a > 0, b > 0.

Networks for runtimes without Clip end this way: 1 − relu(1 − x) bounds the image above, the second
rectifier below. Without the fusion, int8 stores the value between them once more, with levels
spent on the range beyond the bound.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.affine import Affine, affine_of
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import RECTIFIER, clip_bounds
from edge_imgq.graph.linear_map import linear_map_of


def fuse_mirrored_clips(model: ir.Model) -> int:
    """Rewrite relu(b − a·relu(x)) as clip(b − a·x, 0, b) for constants a, b > 0.

    a is one number per channel, b the same for all; b − a·x is an affine or a 1×1 convolution with
    a diagonal matrix. Exact in real numbers; float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of Clip nodes written.
    """
    return sum(_rewrite(model.graph, node) for node in list(model.graph))


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    line = edit.find_producer(node.inputs[0]) if _rectifies(node) else None
    if line is None or edit.sole_consumer(line.outputs[0]) is not node or is_marked(line):
        return False
    line_affine = affine_of(line) or _diagonal(line)
    inner = edit.find_producer(line_affine[0]) if line_affine is not None else None
    if line_affine is None or inner is None or not _rectifies(inner):
        return False
    rectified, affine = line_affine
    falls = bool((affine.scale < 0).all() and affine.offset[0] > 0 and not np.ptp(affine.offset))
    if not falls or edit.sole_consumer(rectified) is not line:
        return False
    line.replace_input_with(list(line.inputs).index(rectified), inner.inputs[0])
    name = f"{node.name}.mirrored"
    bounds = [
        edit.add_constant(graph, f"{name}.{suffix}", np.float32(bound))
        for suffix, bound in (("low", 0.0), ("high", affine.offset[0]))
    ]
    clipped = edit.insert_node(graph, node, "Clip", [line.outputs[0], *bounds], {}, name)
    clipped.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], clipped)
    edit.remove_dead(node)
    edit.remove_dead(inner)
    return True


def _rectifies(node: ir.Node) -> bool:
    return clip_bounds(node) == RECTIFIER and not is_marked(node)


def _diagonal(node: ir.Node) -> tuple[ir.Value, Affine] | None:
    """Return the input and affine of a dense 1×1 convolution with a diagonal matrix, or None."""
    window, source = linear_map_of(node), node.inputs[0]
    if window is None or source is None or window.geometry.group != 1:
        return None
    geometry = window.geometry
    if geometry.taps != (1, 1) or geometry.stride != (1, 1) or geometry.is_padded:
        return None
    matrix = window.kernel[:, :, 0, 0]
    if geometry.inputs != geometry.outputs or np.any(matrix != np.diag(np.diag(matrix))):
        return None
    return source, Affine(np.diag(matrix), window.bias)
