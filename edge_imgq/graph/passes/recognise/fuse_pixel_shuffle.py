"""Fuse pixel shuffles that are written as Reshape, Transpose, Reshape.

    to space, CRD:  (N, C, r, r, H, W) → 0 1 4 2 5 3
    to space, DCR:  (N, r, r, C, H, W) → 0 3 4 1 5 2
    to depth, DCR:  (N, C, H, r, W, r) → 0 3 5 1 2 4
    to depth, CRD:  (N, C, H, r, W, r) → 0 1 3 5 2 4

The last has no ONNX operator. It becomes SpaceToDepth and a 1×1 convolution that permutes channels.
A shuffle of channels among groups, (N, g, C/g, H, W) → 0 2 1 3 4, becomes that convolution alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


@dataclass(frozen=True)
class Shuffle:
    """A pixel shuffle that is written as Reshape, Transpose, Reshape.

    Attributes:
        kind: "DepthToSpace" or "SpaceToDepth".
        mode: "CRD" or "DCR", the order of channels and block in depth.
        block: the two axes of length r among the six between the reshapes.
    """

    kind: str
    mode: str
    block: tuple[int, int]


SHUFFLES: dict[tuple[int, ...], Shuffle] = {
    (0, 1, 4, 2, 5, 3): Shuffle("DepthToSpace", "CRD", (2, 3)),
    (0, 3, 4, 1, 5, 2): Shuffle("DepthToSpace", "DCR", (1, 2)),
    (0, 3, 5, 1, 2, 4): Shuffle("SpaceToDepth", "DCR", (3, 5)),
    (0, 1, 3, 5, 2, 4): Shuffle("SpaceToDepth", "CRD", (3, 5)),
}


CHANNELS = (0, 2, 1, 3, 4)
"""Permutation of a shuffle of channels among groups."""


def fuse_pixel_shuffle(model: ir.Model) -> int:
    """Fuse Reshape, Transpose, Reshape into DepthToSpace or SpaceToDepth (CRD or DCR).

    The image is (N, C, H, W), the tensor between has six axes; blocks are square, shapes static.
    Bit-exact. Exact for finite values only are a CRD space-to-depth, which gets a 1×1 convolution
    of zeros and ones after it, and a shuffle of channels among groups, which becomes one.

    Args:
        model: edited in place.

    Returns:
        The number of shuffles fused.
    """
    nodes = [node for node in model.graph if node.op_type == "Transpose"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _channels(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite a shuffle of channels among groups as a 1×1 convolution."""
    unfold = edit.find_producer(node.inputs[0])
    fold = edit.sole_consumer(node.outputs[0])
    if unfold is None or fold is None or (unfold.op_type, fold.op_type) != ("Reshape", "Reshape"):
        return False
    source, middle, result = unfold.inputs[0], node.inputs[0], fold.outputs[0]
    if source is None or middle is None or source.shape is None or middle.shape is None:
        return False
    image, five = tuple(source.shape), tuple(middle.shape)
    if len(image) != 4 or len(five) != 5 or source.shape != result.shape:
        return False
    groups, inner = five[1:3]
    if not isinstance(groups, int) or not isinstance(inner, int) or groups * inner != image[1]:
        return False
    order = np.arange(groups * inner).reshape(groups, inner).T.reshape(-1)
    name = f"{node.name}.order"
    ordered = edit.insert_convolution(graph, fold, source, np.eye(len(order))[order], name)
    ordered.shape = result.shape
    edit.replace_value(result, ordered)
    return True


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    if tuple(node.attributes.get_ints("perm", [])) == CHANNELS:
        return _channels(graph, node)
    shuffle = SHUFFLES.get(tuple(node.attributes.get_ints("perm", [])))
    unfold = edit.find_producer(node.inputs[0])
    fold = edit.sole_consumer(node.outputs[0])
    if shuffle is None or unfold is None or fold is None:
        return False
    if unfold.op_type != "Reshape" or fold.op_type != "Reshape":
        return False
    source, middle, result = unfold.inputs[0], node.inputs[0], fold.outputs[0]
    if source is None or middle is None or not _fits(source, middle, result, shuffle):
        return False
    assert middle.shape is not None
    assert result.shape is not None
    block = int(middle.shape.numpy()[shuffle.block[0]])
    name = f"{node.name}.shuffle"
    attributes: dict[str, int | str] = {"blocksize": block}
    if shuffle.kind == "DepthToSpace":
        attributes["mode"] = shuffle.mode
    shuffled = edit.insert_node(graph, fold, shuffle.kind, [source], attributes, name)
    shuffled.shape = result.shape
    if shuffle.kind == "SpaceToDepth" and shuffle.mode == "CRD":
        order = np.arange(result.shape.numpy()[1]).reshape(block * block, -1).T.reshape(-1)
        matrix = np.eye(len(order))[order]
        shuffled = edit.insert_convolution(graph, fold, shuffled, matrix, f"{name}.order")
        shuffled.shape = result.shape
    edit.replace_value(result, shuffled)
    return True


def _fits(source: ir.Value, middle: ir.Value, result: ir.Value, shuffle: Shuffle) -> bool:
    """Return True if all shapes are static and those of the shuffle with a square block."""
    shapes = [value.shape for value in (source, middle, result)]
    if any(shape is None or not shape.is_static() for shape in shapes):
        return False
    image, six, folded = (tuple(shape.numpy()) for shape in shapes if shape is not None)
    if len(image) != 4 or len(six) != 6 or len(folded) != 4:
        return False
    block = six[shuffle.block[0]]
    if block != six[shuffle.block[1]] or block < 2:
        return False
    _, channels, height, width = image
    if shuffle.kind == "DepthToSpace":
        wanted = (channels // block**2, height * block, width * block)
        kept = six[4:] == (height, width)
    else:
        wanted = (channels * block**2, height // block, width // block)
        kept = (six[1], six[2], six[4]) == (channels, height // block, width // block)
    return kept and folded[1:] == wanted
