"""Detectors of bright cells, in the layouts that detectors are exported in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, CELL = 32, 8
COUNT = (SIDE // CELL) ** 2


def cells() -> np.ndarray:
    """Return the corners of every cell, (COUNT, 4), row by row: left, top, right, bottom."""
    top, left = (axis.ravel() * CELL for axis in np.indices((SIDE // CELL,) * 2))
    return np.stack([left, top, left + CELL, top + CELL], axis=1).astype(np.float32)


def cell_detector(path: Path, *, batched: bool = False, labels: bool = True) -> Path:
    """Write a detector that gives every cell a box, scored by its mean brightness; return its path.

    Args:
        path: where.
        batched: whether outputs have a batch axis.
        labels: whether there are labels, all 7.
    """
    lead = (1,) if batched else ()
    constants = {
        "corners": cells().reshape(*lead, COUNT, 4),
        "classes": np.full((*lead, COUNT), 7, np.int64),
        "shape": np.array([*lead, COUNT]),
    }
    nodes = [
        helper.make_node("Identity", ["corners"], ["boxes"]),
        helper.make_node("ReduceMean", ["image"], ["gray"], axes=[1]),
        helper.make_node(
            "AveragePool", ["gray"], ["means"], kernel_shape=[CELL] * 2, strides=[CELL] * 2
        ),
        helper.make_node("Reshape", ["means", "shape"], ["scores"]),
    ]
    outputs = ["boxes", "scores"]
    if labels:
        nodes.append(helper.make_node("Identity", ["classes"], ["labels"]))
        outputs.append("labels")
    return write(path, nodes, outputs, constants)


def write(
    path: Path,
    nodes: list[onnx.NodeProto],
    outputs: list[str],
    constants: dict[str, np.ndarray],
    image: tuple[int, list[object]] = (TensorProto.FLOAT, [1, 3, SIDE, SIDE]),
) -> Path:
    """Write a graph of one input and outputs of types and shapes that ONNX infers."""
    made = [
        helper.make_tensor_value_info(
            name, TensorProto.INT64 if name == "labels" else TensorProto.FLOAT, None
        )
        for name in outputs
    ]
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("image", *image)],
        made,
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def with_bright_cells(levels: dict[int, int]) -> np.ndarray:
    """Return a black image, uint8 (SIDE, SIDE, 3), with some cells, by number, at a level."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    for cell, level in levels.items():
        top, left = (index * CELL for index in divmod(cell, SIDE // CELL))
        pixels[top : top + CELL, left : left + CELL] = level
    return pixels
