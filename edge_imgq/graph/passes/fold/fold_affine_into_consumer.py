"""Fold constant factors and offsets into the convolutions that read the value.

    W*(a·x + b) + c = (W·a)*x + (ΣW·b + c),

with a and b one number per input channel. Factors can always be folded; offsets only without zero
padding, because padding inserts 0 where a·x + b would be b. Operators that commute may lie between:

    relu(a·x) = a·relu(x)                  a > 0, no offset; LeakyReLU and PReLU likewise
    [a·x, y] = [a, 1]·[x, y]

and operators that copy, select or average pixels. This removes image normalisation, gain and shift
of a normalisation, and batch norm before a convolution. A value is folded only if all its readers
accept it.

Consecutive factors and offsets that no convolution accepts are merged into one. On images of many
channels that is a depthwise 1×1 convolution, which rounds once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.affine import (
    Affine,
    affine_of,
    insert_affine,
    operators_for,
    scale_inputs,
)
from edge_imgq.graph.convolution import convolution_of
from edge_imgq.graph.float_regions import is_marked

Edit = Callable[[], None]
Fold = Callable[[ir.Node, int, Affine], "list[Edit] | None"]


def fold_affine_into_consumer(model: ir.Model) -> int:
    """Fold constant factors and offsets per channel into the convolutions that read the value.

    W*(a·x + b) + c = (W·a)*x + (ΣW·b + c) on (N, C, H, W); all readers must accept it. Offsets are
    folded only without zero padding. Relu, LeakyRelu and PRelu (a > 0, b = 0), Concat, and
    operators that copy, select or average pixels may lie between. Other consecutive factors and
    offsets are merged into one. Exact in real numbers; float32 rounding differs. Each factor or
    offset walks every path to the next convolutions, so time is quadratic in the length of a chain
    of them, and doubles with each split and Concat without a convolution between.

    Args:
        model: edited in place.

    Returns:
        The number of nodes removed.
    """
    count = 0
    for node in list(model.graph):
        if node.graph is not None and affine_of(node) is not None and _is_first(node):
            count += _fold(model.graph, node)
    return count


def _is_first(node: ir.Node) -> bool:
    """Return True unless another factor or offset precedes this node and has no other reader."""
    read = affine_of(node)
    before = read[0].producer() if read is not None else None
    if read is None or before is None or affine_of(before) is None:
        return True
    return edit.sole_consumer(read[0]) is None


def _fold(graph: ir.Graph, first: ir.Node) -> int:
    source, total = _read(first)
    chain = [first]
    while (follower := edit.sole_consumer(chain[-1].outputs[0])) is not None:
        following = affine_of(follower)
        if following is None or following[0] is not chain[-1].outputs[0]:
            break
        chain.append(follower)
        total = total.then(following[1])
    result = chain[-1].outputs[0]
    edits = [] if _is_nothing(total) else _edits(result, total)
    if edits is not None and not (result.is_graph_output() and _is_edge(source)):
        for change in edits:
            change()
        edit.replace_value(result, source)
    elif len(chain) > operators_for(total) and not any(is_marked(node) for node in chain):
        joined = insert_affine(graph, chain[-1], source, total, f"{chain[-1].name}.affine")
        edit.replace_value(result, joined)
    else:
        return 0
    edit.remove_dead(chain[-1])
    return len(chain)


def _is_edge(value: ir.Value) -> bool:
    """Return True if a value is a graph input, an initializer or a graph output."""
    return value.producer() is None or value.is_graph_output()


def _read(node: ir.Node) -> tuple[ir.Value, Affine]:
    read = affine_of(node)
    assert read is not None
    return read


def _is_nothing(affine: Affine) -> bool:
    return affine.is_pure_scale and bool(np.all(affine.scale == 1))


def _edits(value: ir.Value, affine: Affine) -> list[Edit] | None:
    """Return the edits that make the readers of a value apply the affine, or None if one cannot."""
    if value.is_graph_output() or not value.uses():
        return None
    edits: list[Edit] = []
    for node, index in value.uses():
        fold = FOLDS.get(node.op_type)
        change = fold(node, index, affine) if fold is not None and not is_marked(node) else None
        if change is None:
            return None
        edits += change
    return edits


def _convolution(node: ir.Node, index: int, affine: Affine) -> list[Edit] | None:
    convolution = convolution_of(node)
    if index != 0 or convolution is None:
        return None
    padded = convolution.pads is None or any(convolution.pads)
    if not affine.is_pure_scale and (convolution.is_transposed or padded):
        return None
    if node.op_type == "ConvTranspose":
        return [lambda: _scale_rows(node, affine)]
    return [lambda: scale_inputs(node, affine)]


def _scale_rows(node: ir.Node, affine: Affine) -> None:
    kernel: Any = edit.contents(node.inputs[1])
    edit.replace_input(node, 1, kernel * affine.scale.reshape(-1, 1, 1, 1), "scaled")


def _rectifier(node: ir.Node, index: int, affine: Affine) -> list[Edit] | None:
    if index != 0 or not (affine.is_increasing and affine.is_pure_scale):
        return None
    return _edits(node.outputs[0], affine)


def _concatenation(node: ir.Node, index: int, affine: Affine) -> list[Edit] | None:
    shape = node.outputs[0].shape
    if shape is None or len(shape) != 4 or node.attributes.get_int("axis") not in (1, -3):
        return None
    start, total = edit.channels_before(node, index), edit.channels_before(node, len(node.inputs))
    if start is None or total is None:
        return None
    scale, offset = np.ones(total), np.zeros(total)
    channels = slice(start, start + len(affine.scale))
    scale[channels], offset[channels] = affine.scale, affine.offset
    return _edits(node.outputs[0], Affine(scale, offset))


def _depth_to_space(node: ir.Node, _index: int, affine: Affine) -> list[Edit] | None:
    phases = node.attributes.get_int("blocksize") ** 2
    channels = len(affine.scale) // phases
    uniform = affine.broadcast(1)
    return None if uniform is None else _edits(node.outputs[0], uniform.select([0] * channels))


def _space_to_depth(node: ir.Node, _index: int, affine: Affine) -> list[Edit] | None:
    phases = node.attributes.get_int("blocksize") ** 2
    order = np.tile(np.arange(len(affine.scale)), phases)
    return _edits(node.outputs[0], affine.select(order))


def _copying(node: ir.Node, index: int, affine: Affine) -> list[Edit] | None:
    mode = node.attributes.get_string("coordinate_transformation_mode", "")
    return None if index != 0 or "tf_crop" in mode else _edits(node.outputs[0], affine)


def _max_pool(node: ir.Node, _index: int, affine: Affine) -> list[Edit] | None:
    return _edits(node.outputs[0], affine) if affine.is_increasing else None


def _mean(node: ir.Node, _index: int, affine: Affine) -> list[Edit] | None:
    if node.attributes.get_int("count_include_pad", 0) and not affine.is_pure_scale:
        return None
    return _edits(node.outputs[0], affine)


def _pad(node: ir.Node, index: int, affine: Affine) -> list[Edit] | None:
    fill = node.inputs[2] if len(node.inputs) > 2 else None
    if node.attributes.get_string("mode", "constant") == "constant":
        zero = fill is None or (edit.is_constant(fill) and not np.any(edit.contents(fill)))
        if not zero or not affine.is_pure_scale:
            return None
    return _edits(node.outputs[0], affine) if index == 0 else None


FOLDS: dict[str, Fold] = {
    "AveragePool": _mean,
    "Concat": _concatenation,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "DepthToSpace": _depth_to_space,
    "GlobalAveragePool": _mean,
    "LeakyRelu": _rectifier,
    "MaxPool": _max_pool,
    "PRelu": _rectifier,
    "Pad": _pad,
    "Relu": _rectifier,
    "Resize": _copying,
    "SpaceToDepth": _space_to_depth,
}
"""Edits that make a reader accept a factor or offset, by operator."""
