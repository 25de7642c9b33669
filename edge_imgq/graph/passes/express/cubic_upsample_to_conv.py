"""Rewrite cubic upsampling by an integer factor as a convolution and a pixel shuffle.

With factor s, all output pixels of one phase have the same offset from the input grid. Each of the
s² phases is then one kernel of Keys' weights (at most 5 × 5 taps):

    Resize(x) = DepthToSpace(Conv(Pad(x, edge, 2), K)),      K of s² kernels per channel.

Taps outside the image read the edge value. Of the target formats, only ONNX has a cubic resize.

Keys, "Cubic convolution interpolation for digital image processing", 1981.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

REACH = 2
SHIFTS = {"half_pixel": 0.5, "pytorch_half_pixel": 0.5, "asymmetric": 0.0}
"""Offset of a pixel's centre from its corner, in pixels, by coordinate transformation mode."""

MAX_CHANNELS = 16
"""Largest number of channels that is rewritten. The convolution is dense, so that a shuffle can
permute its channels; its cost grows with the square of the channels.
"""


def cubic_upsample_to_conv(model: ir.Model) -> int:
    """Rewrite each cubic Resize of (N, C, H, W) by an integer as convolution and pixel shuffle.

    Each of the s² phases is one kernel of Keys' weights, 5 × 5 taps, on the image padded by 2
    pixels of its edge; a CRD DepthToSpace interleaves them. Covers the same factor s ≥ 2 on both
    axes, at most 16 channels and the coordinate modes half_pixel, pytorch_half_pixel and
    asymmetric, without `exclude_outside`. Exact in real numbers; float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "Resize"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    source, factor = node.inputs[0], _factor(node)
    coordinates = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if source is None or source.shape is None or factor is None or coordinates not in SHIFTS:
        return False
    if node.attributes.get_string("mode", "nearest") != "cubic" or len(source.shape) != 4:
        return False
    batch, channels, height, width = source.shape
    if not isinstance(channels, int) or channels > MAX_CHANNELS:
        return False
    if node.attributes.get_int("exclude_outside", 0):
        return False
    table = _phases(factor, SHIFTS[coordinates], node.attributes.get_float("cubic_coeff_a", -0.75))
    name = node.name or "cubic"
    pads = edit.add_constant(graph, f"{name}.pads", np.array([0, 0, 2, 2] * 2, np.int64))
    padded = edit.insert_node(graph, node, "Pad", [source, pads], {"mode": "edge"}, f"{name}.edge")
    sides = [side + 2 * REACH if isinstance(side, int) else None for side in (height, width)]
    padded.shape = ir.Shape([batch, channels, *sides])
    weight = edit.add_constant(graph, f"{name}.weight", _kernels(table, channels))
    taps = {"kernel_shape": [2 * REACH + 1] * 2}
    phases = edit.insert_node(graph, node, "Conv", [padded, weight], taps, f"{name}.phases")
    phases.shape = ir.Shape([batch, channels * factor**2, height, width])
    shuffle = {"blocksize": factor, "mode": "CRD"}
    result = edit.insert_node(graph, node, "DepthToSpace", [phases], shuffle, f"{name}.shuffle")
    result.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], result)
    edit.remove_node(node)
    return True


def _factor(node: ir.Node) -> int | None:
    """Return the integer factor by which height and width grow, or None if there is none."""
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if edit.is_constant(scales) and edit.contents(scales).size == 4:
        factors = edit.contents(scales).astype(np.float64)
    else:
        shapes = [v.shape for v in (node.inputs[0], node.outputs[0]) if v is not None]
        if len(shapes) != 2 or any(s is None or not s.is_static() for s in shapes):
            return None
        before, after = (np.array(s.numpy(), np.float64) for s in shapes if s is not None)
        if len(before) != len(after):
            return None
        factors = after / before
    if len(factors) != 4 or factors[0] != 1 or factors[1] != 1 or factors[2] != factors[3]:
        return None
    whole = float(factors[2]).is_integer() and factors[2] > 1
    return int(factors[2]) if whole and "axes" not in node.attributes else None


def _phases(factor: int, shift: float, a: float) -> Any:
    """Return the Keys weights along one axis, (phases, 5 taps at −2 … 2), in float64."""
    positions = (np.arange(factor) + shift) / factor - shift
    taps = np.arange(-REACH, REACH + 1)
    t = np.abs(positions[:, np.newaxis] - taps)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < REACH, far, 0.0))


def _kernels(table: Any, channels: int) -> Any:
    """Return float32 kernels (C · s², C, 5, 5) in CRD order: all phases of channel 0 come first."""
    plane = np.einsum("at,bu->abtu", table, table).reshape(-1, *[table.shape[1]] * 2)
    kernels = np.einsum("cd,ptu->cpdtu", np.eye(channels), plane)
    return kernels.reshape(-1, channels, *plane.shape[1:]).astype(np.float32)
