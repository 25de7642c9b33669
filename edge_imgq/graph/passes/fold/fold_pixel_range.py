"""Fold the pixel normalisation at both ends of a network into its body.

A network trained on [-1, 1] that takes and returns [0, 1] begins with v = a·x + b and ends with
y = (u − b) / a. The rewrites are:

    u = v + q                 y = x + q / a               the skip connection bypasses both
    u = clip(v + q, l, h)     y = clip(x + q/a, (l − b)/a, (h − b)/a)
    tanh(q)·½ + ½             σ(2·q)
    W*pad(v, 0)               (a·W)*pad(x, −b/a) + b·ΣW   padding x with −b/a gives v = 0

The first three apply to sums and differences anywhere in the graph. The last applies to images of
few channels, where explicit padding is cheap.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.affine import (
    Affine,
    affine_of,
    insert_affine,
    scale_bounds,
    scale_inputs,
)
from edge_imgq.graph.convolution import convolution_of
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import clip_bounds

MAX_IMAGE_CHANNELS = 4
"""Most channels of an image whose zero padding becomes a Pad of its own, which copies the image."""

CLOSE = 1e-6


def fold_pixel_range(model: ir.Model) -> int:
    """Fold a pixel normalisation a·x + b and its inverse into the layers between them.

    A skip connection between them bypasses both: (a·x + b + q − b) / a becomes x + q / a, with a
    Clip's bounds adapted. ½·tanh(q) + ½ becomes σ(2·q). Zero padding of a convolution on a
    normalised image of at most 4 channels becomes a Pad of x with −b/a. Exact in real numbers;
    float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of rewrites.
    """
    graph, nodes = model.graph, list(model.graph)
    count = sum(_as_sigmoid(graph, node) for node in nodes if node.op_type == "Tanh")
    count += sum(_as_residual(graph, node) for node in nodes if node.op_type in ("Add", "Sub"))
    return count + sum(_with_own_padding(graph, node) for node in nodes if node.op_type == "Conv")


def _above(value: ir.Value) -> tuple[ir.Value, Affine | None]:
    """Return the value upstream of all factors and offsets, and their composition or None."""
    total: Affine | None = None
    while (node := value.producer()) is not None and not is_marked(node):
        read = affine_of(node)
        if read is None:
            break
        value, total = read[0], read[1] if total is None else read[1].then(total)
    return value, total


def _below(value: ir.Value) -> tuple[ir.Value, Affine | None]:
    """Return the value downstream of all factors and offsets with one reader.

    With it comes their composition, None without any.
    """
    total: Affine | None = None
    while (node := edit.sole_consumer(value)) is not None and not is_marked(node):
        read = affine_of(node)
        if read is None or read[0] is not value:
            break
        value, total = node.outputs[0], read[1] if total is None else total.then(read[1])
    return value, total


def _is_affine(affine: Affine, scale: float, offset: float) -> bool:
    return bool(
        np.allclose(affine.scale, scale, rtol=0, atol=CLOSE)
        and np.allclose(affine.offset, offset, rtol=0, atol=CLOSE)
    )


def _as_sigmoid(graph: ir.Graph, node: ir.Node) -> bool:
    source = node.inputs[0]
    end, leaving = _below(node.outputs[0])
    if source is None or leaving is None or not _is_affine(leaving, 0.5, 0.5):
        return False
    double = Affine(np.full_like(leaving.scale, 2.0), np.zeros_like(leaving.scale))
    name = node.name or "tanh"
    doubled = insert_affine(graph, node, source, double, f"{name}.doubled")
    squashed = edit.insert_node(graph, node, "Sigmoid", [doubled], {}, f"{name}.sigmoid")
    squashed.shape = node.outputs[0].shape
    _end_at(end, squashed)
    return True


def _as_residual(graph: ir.Graph, node: ir.Node) -> bool:
    if node.graph is None or affine_of(node) is not None or is_marked(node):
        return False
    return any(_skip_at(graph, node, index) for index in (0, 1) if _adds(node, index))


def _adds(node: ir.Node, index: int) -> bool:
    return node.op_type == "Add" or index == 0


def _skip_at(graph: ir.Graph, node: ir.Node, index: int) -> bool:
    """Let input `index` of a sum bypass its affine if what follows the sum inverts that affine."""
    image, other = node.inputs[index], node.inputs[1 - index]
    if image is None or other is None or edit.is_constant(other):
        return False
    source, entering = _above(image)
    clip = _clip_after(node)
    kept = node.outputs[0] if clip is None else clip.outputs[0]
    end, leaving = _below(kept)
    if entering is None or leaving is None or not _is_affine(entering.then(leaving), 1.0, 0.0):
        return False
    if clip is not None and not (leaving.is_uniform and leaving.is_increasing):
        return False
    if other.shape is None or other.shape[1] != len(leaving.scale):
        return False
    name = node.name or node.op_type
    scaled = insert_affine(graph, node, other, leaving.without_offset(), f"{name}.scaled")
    node.replace_input_with(index, source)
    node.replace_input_with(1 - index, scaled)
    if clip is not None:
        scale_bounds(clip, leaving)
    _end_at(end, kept)
    _drop(image)
    return True


def _clip_after(node: ir.Node) -> ir.Node | None:
    follower = edit.sole_consumer(node.outputs[0])
    if follower is None or follower.op_type != "Clip" or clip_bounds(follower) is None:
        return None
    return follower


def _end_at(end: ir.Value, value: ir.Value) -> None:
    """Replace the end of a chain by `value` and remove the chain."""
    last = end.producer()
    edit.replace_value(end, value)
    if last is not None:
        edit.remove_dead(last)


def _drop(value: ir.Value) -> None:
    producer = value.producer()
    if producer is not None:
        edit.remove_dead(producer)


def _with_own_padding(graph: ir.Graph, node: ir.Node) -> bool:
    image = node.inputs[0]
    constant = all(edit.is_constant(value) for value in node.inputs[1:] if value is not None)
    if node.graph is None or image is None or not constant or is_marked(node):
        return False
    source, entering = _above(image)
    if entering is None or entering.is_pure_scale or not entering.is_uniform:
        return False
    if len(entering.scale) > MAX_IMAGE_CHANNELS or not entering.scale.all():
        return False
    convolution = convolution_of(node)
    pads = None if convolution is None else convolution.pads
    if pads is None or not any(pads):
        return False
    padded = _pad(graph, node, source, pads, -entering.offset[0] / entering.scale[0])
    node.replace_input_with(0, padded)
    node.attributes["pads"] = ir.AttrInt64s("pads", [0, 0, 0, 0])
    node.attributes.pop("auto_pad", None)
    scale_inputs(node, entering)
    _drop(image)
    return True


def _pad(
    graph: ir.Graph,
    node: ir.Node,
    source: ir.Value,
    pads: tuple[int, int, int, int],
    number: float,
) -> ir.Value:
    top, left, bottom, right = pads
    counts = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    name = f"{node.name}.padded"
    constants = [
        edit.add_constant(graph, f"{name}.pads", counts),
        edit.add_constant(graph, f"{name}.value", np.float32(number)),
    ]
    padded = edit.insert_node(graph, node, "Pad", [source, *constants], {}, name)
    if source.shape is not None:
        added = (0, 0, top + bottom, left + right)
        lengths = [
            length + more if isinstance(length, int) else None if more else length
            for length, more in zip(source.shape, added, strict=True)
        ]
        padded.shape = ir.Shape(lengths)
    return padded
