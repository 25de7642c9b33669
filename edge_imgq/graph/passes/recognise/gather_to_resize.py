"""Rewrite a selection of rows and columns by nearest neighbours as a Resize.

torch's newer exporter writes `interpolate(mode="nearest-exact")`, and x[:, :, rows, columns] with
constant tables, as a GatherND between two transpositions that move height and width to the front
and back. With n pixels and N selected, the tables of a Resize of mode "nearest" are

    asymmetric, floor:               t[i] = ⌊i · n / N⌋
    half_pixel, round_prefer_ceil:   t[i] = ⌊(i + ½) · n / N⌋
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

IMAGES_LAST = [2, 3, 0, 1]
"""Permutation that swaps (N, C) and (H, W); it is its own inverse."""

GRIDS = {("asymmetric", "floor"): 0.0, ("half_pixel", "round_prefer_ceil"): 0.5}
"""Offset of the sampled position in a pixel, by coordinate and rounding mode of Resize."""


def gather_to_resize(model: ir.Model) -> int:
    """Rewrite each selection of rows and columns that equals a nearest-neighbour Resize as one.

    The pattern is a GatherND with a constant table between two Transposes that swap (N, C) and
    (H, W), of static shape. Exact by ONNX's definition of Resize. ONNX Runtime computes positions
    in float32, and at some sizes, such as 14 pixels to 2, copies a neighbour
    (findings/onnxruntime-nearest-positions.sh).

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "GatherND"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    before, after = edit.find_producer(node.inputs[0]), edit.sole_consumer(node.outputs[0])
    if not (_exchanges(before) and _exchanges(after)) or not edit.is_constant(node.inputs[1]):
        return False
    assert before is not None
    assert after is not None
    source, table = before.inputs[0], edit.contents(node.inputs[1])
    if source is None or source.shape is None or not source.shape.is_static() or table.ndim != 3:
        return False
    if node.attributes.get_int("batch_dims", 0) or table.shape[2] != 2:
        return False
    grid = _grid(table, source.shape.numpy()[2:])
    if grid is None:
        return False
    sizes = np.array([*source.shape.numpy()[:2], *table.shape[:2]], np.int64)
    inputs = [source, None, None, edit.add_constant(graph, f"{node.name}.sizes", sizes)]
    attributes = {"mode": "nearest", "coordinate_transformation_mode": grid[0],
                  "nearest_mode": grid[1]}  # fmt: skip
    picked = edit.insert_node(graph, node, "Resize", inputs, attributes, f"{node.name}.nearest")
    picked.shape = ir.Shape(sizes.tolist())
    edit.replace_value(after.outputs[0], picked)
    edit.remove_dead(after)
    return True


def _grid(table: Any, lengths: tuple[int, ...]) -> tuple[str, str] | None:
    """Return the Resize modes whose nearest neighbours a (rows, columns, 2) table holds."""
    for grid, shift in GRIDS.items():
        wanted = [
            np.floor((np.arange(count) + shift) * length / count).astype(np.int64)
            for count, length in zip(table.shape, lengths, strict=False)
        ]
        if np.array_equal(table, np.stack(np.meshgrid(*wanted, indexing="ij"), axis=2)):
            return grid
    return None


def _exchanges(node: ir.Node | None) -> bool:
    if node is None or node.op_type != "Transpose":
        return False
    return list(node.attributes.get_ints("perm", [])) == IMAGES_LAST
