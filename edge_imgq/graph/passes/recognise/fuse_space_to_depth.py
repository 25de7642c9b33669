"""Fuse space-to-depth and depth-to-space that are written as strided slices.

    Concat over (a, b) of x[:, :, a::r, b::r]        is SpaceToDepth,
    y[:, :, a::r, b::r] = u_ab for every (a, b)      is DepthToSpace of Concat(u),

with r² phases (a, b). Exporters write the assignments as a chain of ScatterND. Phases in another
order than SpaceToDepth's are permuted in the weights of the following convolution.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

Phase = tuple[int, int]


def fuse_space_to_depth(model: ir.Model) -> int:
    """Fuse strided slices into SpaceToDepth, and assignments to them into DepthToSpace.

    A Concat over channels of the slices x[:, :, a::r, b::r] of (N, C, H, W) for all r² phases
    (a, b), and a chain of ScatterND that writes them, cover each pixel once. Phases in another
    order than SpaceToDepth's are permuted in the weights of the following convolution, which must
    be ungrouped. Bit-exact; with permuted weights, float32 sums may be ordered differently.

    Args:
        model: edited in place.

    Returns:
        The number of layouts rewritten.
    """
    count = 0
    for node in list(model.graph):
        if node.op_type == "Concat":
            count += _join(model.graph, node)
        elif node.op_type == "ScatterND":
            count += _scatter(model.graph, node)
    return count


def _join(graph: ir.Graph, node: ir.Node) -> bool:
    block = math.isqrt(len(node.inputs))
    if block < 2 or block**2 != len(node.inputs) or node.attributes.get_int("axis") != 1:
        return False
    by_phase = [
        strided for value in node.inputs if (strided := _strided_slice(value, block)) is not None
    ]
    sources, phases = {strided[0] for strided in by_phase}, [strided[1] for strided in by_phase]
    every = list(np.ndindex(block, block))
    if len(sources) != 1 or sorted(phases) != every:
        return False
    source = sources.pop()
    if not _divides(source, block) or (phases != every and not _reorder(node, phases)):
        return False
    name, result = node.name or "phases", node.outputs[0]
    attributes = {"blocksize": block}
    depth = edit.insert_node(graph, node, "SpaceToDepth", [source], attributes, f"{name}.depth")
    depth.shape = result.shape
    edit.replace_value(result, depth)
    edit.remove_dead(node)
    return True


def _divides(source: ir.Value, block: int) -> bool:
    shape = source.shape
    if shape is None or len(shape) != 4:
        return False
    return all(not isinstance(side, int) or side % block == 0 for side in shape[2:])


def _strided_slice(value: ir.Value | None, block: int) -> tuple[ir.Value, Phase] | None:
    """Return the image that slices take every step-th row and column of, and their phase."""
    phase = {2: 0, 3: 0}
    left = {2, 3}
    while left:
        node = edit.find_producer(value)
        taken = _taken(node, block) if node is not None and node.op_type == "Slice" else None
        if node is None or taken is None or not set(taken) <= left:
            return None
        phase.update(taken)
        left -= set(taken)
        value = node.inputs[0]
    return None if value is None else (value, (phase[2], phase[3]))


def _taken(node: ir.Node, block: int) -> dict[int, int] | None:
    """Return the start of a slice on each axis if it takes every step-th index, else None."""
    if len(node.inputs) != 5 or not all(edit.is_constant(value) for value in node.inputs[1:]):
        return None
    starts, ends, axes, steps = (
        edit.contents(value).reshape(-1).tolist() for value in node.inputs[1:]
    )
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    if set(steps) != {block} or shape is None or any(not 0 <= start < block for start in starts):
        return None
    lengths = [shape[axis] for axis in axes]
    ends_late = [
        end >= (length if isinstance(length, int) else 2**31 - 1)
        for end, length in zip(ends, lengths, strict=True)
    ]
    return dict(zip((axis % 4 for axis in axes), starts, strict=True)) if all(ends_late) else None


def _reorder(node: ir.Node, phases: list[Phase]) -> bool:
    """Permute the weights of the following convolution to SpaceToDepth's order of phases."""
    reader = edit.sole_consumer(node.outputs[0])
    if reader is None or reader.op_type != "Conv" or reader.attributes.get_int("group", 1) != 1:
        return False
    if not edit.is_constant(reader.inputs[1]):
        return False
    weight: Any = edit.contents(reader.inputs[1])
    blocks = np.split(weight, len(phases), axis=1)
    ordered = [blocks[phases.index(phase)] for phase in sorted(phases)]
    edit.replace_input(reader, 1, np.concatenate(ordered, axis=1), "phases")
    return True


def _scatter(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite the chain of assignments that ends in this node."""
    by_phase: dict[Phase, ir.Value] = {}
    last: ir.Node | None = node
    block, data = 0, node.inputs[0]
    while last is not None and last.op_type == "ScatterND":
        assignment = _assigned(last)
        if assignment is None or assignment[0] in by_phase or block not in (0, assignment[1]):
            return False
        by_phase[assignment[0]], block, data = assignment[2], assignment[1], last.inputs[0]
        last = edit.find_producer(data)
    if not edit.is_constant(data) or sorted(by_phase) != list(np.ndindex(block, block)):
        return False
    name, result = node.name or "phases", node.outputs[0]
    phases = [by_phase[phase] for phase in sorted(by_phase)]
    joined = edit.insert_node(graph, node, "Concat", phases, {"axis": 1}, f"{name}.phases")
    assert phases[0].shape is not None
    batch, channels, rows, columns = phases[0].shape.numpy()
    joined.shape = ir.Shape([batch, channels * block**2, rows, columns])
    attributes = {"blocksize": block, "mode": "DCR"}
    image = edit.insert_node(graph, node, "DepthToSpace", [joined], attributes, f"{name}.image")
    image.shape = result.shape
    edit.replace_value(result, image)
    edit.remove_dead(node)
    return True


def _assigned(node: ir.Node) -> tuple[Phase, int, ir.Value] | None:
    """Return the phase, block and values of one assignment, or None."""
    data, table, values = node.inputs
    if data is None or values is None or not edit.is_constant(table):
        return None
    shapes = [value.shape for value in (data, values)]
    if any(shape is None or not shape.is_static() or len(shape) != 4 for shape in shapes):
        return None
    whole, strided = (shape.numpy() for shape in shapes if shape is not None)
    block = whole[2] // strided[2]
    indices: Any = edit.contents(table)
    if block < 2 or whole != (*strided[:2], strided[2] * block, strided[3] * block):
        return None
    if indices.shape != (*strided, 4) or node.attributes.get_string("reduction", "none") != "none":
        return None
    first = indices[0, 0, 0, 0]
    regular = np.moveaxis(np.indices(strided), 0, -1) * np.array([1, 1, block, block]) + first
    phase = (int(first[2]), int(first[3]))
    fits = not first[:2].any() and max(phase) < block
    return (phase, block, values) if fits and np.array_equal(indices, regular) else None
