"""Cubic upsampling by a whole factor, as a convolution before a pixel shuffle.

Upsampled by s, every output pixel of one phase lies at the same place between input pixels, so that
each phase is one kernel of Keys' weights (at most 5 × 5 taps), and

    Resize(x) = DepthToSpace(Conv(Pad(x, edge, 2), K)),      K of s² kernels per channel,

since taps beyond the edge take the edge's value. No file format but ONNX has a cubic resize.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

REACH = 2
SHIFTS = {"half_pixel": 0.5, "pytorch_half_pixel": 0.5, "asymmetric": 0.0}
"""How far from its corner the middle of a pixel lies, by coordinate mode."""

MOST_CHANNELS = 16
"""The convolution is dense, so that a shuffle may permute its channels; its cost grows with their
square."""


def cubic_upsample_to_conv(model: ir.Model) -> int:
    """Rewrite cubic Resizes of an image by a whole factor, the same on both axes; exact.

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
    if not isinstance(channels, int) or channels > MOST_CHANNELS:
        return False
    if node.attributes.get_int("exclude_outside", 0):
        return False
    table = _phases(factor, SHIFTS[coordinates], node.attributes.get_float("cubic_coeff_a", -0.75))
    name = node.name or "cubic"
    pads = edit.add_constant(graph, f"{name}.pads", np.array([0, 0, 2, 2] * 2, np.int64))
    padded = edit.insert_node(graph, node, "Pad", [source, pads], {"mode": "edge"}, f"{name}.edge")
    spread = [side + 2 * REACH if isinstance(side, int) else None for side in (height, width)]
    padded.shape = ir.Shape([batch, channels, *spread])
    weight = edit.add_constant(graph, f"{name}.weight", _kernels(table, channels))
    taps = {"kernel_shape": [2 * REACH + 1] * 2}
    phases = edit.insert_node(graph, node, "Conv", [padded, weight], taps, f"{name}.phases")
    phases.shape = ir.Shape([batch, channels * factor**2, height, width])
    shuffle = {"blocksize": factor, "mode": "CRD"}
    result = edit.insert_node(graph, node, "DepthToSpace", [phases], shuffle, f"{name}.shuffle")
    result.shape = node.outputs[0].shape
    edit.take_place(node.outputs[0], result)
    edit.remove_node(node)
    return True


def _factor(node: ir.Node) -> int | None:
    """Return the whole factor that height and width grow by."""
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
    """Return the weights (phases, taps from −2 to 2) along one axis."""
    places = (np.arange(factor) + shift) / factor - shift
    taps = np.arange(-REACH, REACH + 1)
    t = np.abs(places[:, np.newaxis] - taps)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < REACH, far, 0.0))


def _kernels(table: Any, channels: int) -> Any:
    """Return (channels · s², channels, 5, 5): the phases of every channel, one after the other."""
    plane = np.einsum("at,bu->abtu", table, table).reshape(-1, *[table.shape[1]] * 2)
    kernels = np.einsum("cd,ptu->cpdtu", np.eye(channels), plane)
    return kernels.reshape(-1, channels, *plane.shape[1:]).astype(np.float32)
