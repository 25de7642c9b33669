"""Move activations before operators that only move or copy pixels.

    f(shuffle(x)) = shuffle(f(x)),        f(enlarge(x)) = enlarge(f(x))

for every elementwise f, with pixel shuffles and nearest-neighbour enlargement. Before them, the
activation is fused into the convolution that computes x; before an enlargement it also runs on
fewer pixels. The slopes of a PReLU are permuted with their channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.fusion import clip_bounds
from edge_imgq.graph.operators import LOGICAL, MOVING, SINGLE

ACTIVATIONS = (SINGLE - MOVING - {"Cast", "CastLike"} - LOGICAL) | {"PRelu"}

FUSED = frozenset({"Clip", "LeakyRelu", "PRelu", "Relu"})
"""Activations that a preceding convolution may absorb. Others remain nodes in every file format, so
moving them before a shuffle gains nothing.
"""


def hoist_activation(model: ir.Model) -> int:
    """Move activations before DepthToSpace and nearest-neighbour upsampling; bit-exact.

    f(shuffle(x)) becomes shuffle(f(x)), so that the convolution before can fuse f. Before a
    DepthToSpace of either mode move Relu, Clip, LeakyRelu and PRelu, whose slopes are permuted with
    their channels; before a nearest Resize with scales of at least 1, every elementwise operator of
    one operand, and PRelu. The activation must be the only reader of the moved image.

    Args:
        model: edited in place.

    Returns:
        The number of activations moved.
    """
    nodes = [node for node in model.graph if node.op_type in ACTIVATIONS]
    return sum(_move(model.graph, node) for node in nodes)


def _move(graph: ir.Graph, node: ir.Node) -> bool:
    moved = node.inputs[0]
    mover = edit.find_producer(moved)
    if moved is None or mover is None or edit.sole_consumer(moved) is not node:
        return False
    source = mover.inputs[0]
    if source is None or not _commutes(node, mover) or edit.sole_consumer(source) is not mover:
        return False
    constants = list(node.inputs[1:])
    if node.op_type == "PRelu":
        slopes = _slopes(node, mover)
        if slopes is None:
            return False
        constants = [edit.add_constant(graph, f"{node.name}.slopes", slopes)]
    name = f"{node.name}.early"
    attributes = dict(node.attributes.items())
    inputs = [source, *constants]
    active = edit.insert_node(graph, mover, node.op_type, inputs, attributes, name)
    active.shape = source.shape
    mover.replace_input_with(0, active)
    edit.replace_value(node.outputs[0], moved)
    edit.remove_node(node)
    return True


def _commutes(node: ir.Node, mover: ir.Node) -> bool:
    if node.op_type == "Clip" and clip_bounds(node) is None:
        return False
    if mover.op_type == "DepthToSpace":
        return node.op_type in FUSED
    return mover.op_type == "Resize" and _repeats(mover)


def _repeats(node: ir.Node) -> bool:
    """Return True if a Resize copies pixels by scales ≥ 1 and does not crop."""
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if node.attributes.get_string("mode", "nearest") != "nearest" or not edit.is_constant(scales):
        return False
    factors = edit.contents(scales)
    crops = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    return factors.size > 0 and bool(np.all(factors >= 1)) and crops != "tf_crop_and_resize"


def _slopes(node: ir.Node, mover: ir.Node) -> Any:
    """Return slopes for the channels before the mover, or None if they vary within a channel."""
    slope, source = node.inputs[1], mover.inputs[0]
    if not edit.is_constant(slope) or source is None or source.shape is None:
        return None
    values, channels = edit.contents(slope), source.shape[1]
    if values.size == 1 or mover.op_type == "Resize":
        return values
    if values.ndim < 3 or values.shape[-3] != values.size or not isinstance(channels, int):
        return None
    phases = channels // values.size
    is_dcr = mover.attributes.get_string("mode", "DCR") == "DCR"
    order = np.tile(np.arange(values.size), phases)
    if not is_dcr:
        order = np.repeat(np.arange(values.size), phases)
    return values.reshape(-1)[order].reshape(-1, 1, 1)
