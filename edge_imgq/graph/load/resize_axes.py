"""State a Resize with an `axes` attribute (opset 18) for all axes.

ONNX Runtime 1.31 moves transpositions through a Resize and permutes its sizes as if there were one
per axis. A valid file with `axes` beside a Transpose, or between 8-bit convolutions, therefore does
not open in a default session. A Resize that states all axes opens, and is equivalent:

    axes = [2, 3], scales = [s, t]   =   scales = [1, 1, s, t]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from edge_imgq.graph.shapes.shape_inference import infer_shapes

ROI, SCALES, SIZES = 1, 2, 3
"""Input indices of Resize."""

POLICIES: dict[bytes, Callable[[list[float]], float]] = {b"not_larger": min, b"not_smaller": max}
"""Function that selects the common scale, by aspect-ratio policy."""


def with_all_axes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace the `axes` of Resize nodes by scales, sizes and region for all axes.

    Scales of the other axes become 1 and sizes their lengths: axes = [2, 3], scales = [s, t]
    becomes scales = [1, 1, s, t]. An aspect-ratio policy is resolved into the sizes. Exact. A node
    is kept if a length that it needs is unknown, or its scales or sizes are computed.

    Returns:
        A copy, or the model itself if no Resize has `axes`.
    """
    if not any(_axes_of(node) for node in model.graph.node):
        return model
    result = onnx.ModelProto()
    result.CopyFrom(model)
    shapes = _shapes(result)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in result.graph.initializer}
    for node in result.graph.node:
        shape = shapes.get(node.input[0]) if _axes_of(node) else None
        if shape is not None:
            _state_all_axes(result.graph, node, shape, constants)
    return result


def _axes_of(node: onnx.NodeProto) -> list[int]:
    """Return the `axes` attribute of a Resize; an empty list for other nodes."""
    if node.op_type != "Resize" or node.domain:
        return []
    return next((list(a.ints) for a in node.attribute if a.name == "axes"), [])


def _state_all_axes(
    graph: onnx.GraphProto, node: onnx.NodeProto, shape: Sequence[int | None],
    constants: dict[str, Any],
) -> None:  # fmt: skip
    """State a Resize for all axes, in place; leave it unchanged if lengths are unknown."""
    axes = [axis % len(shape) for axis in _axes_of(node)]
    given = {i: name for i, name in enumerate(node.input) if i and name}
    if any(name not in constants for name in given.values()):
        return
    inputs = {index: constants[name] for index, name in given.items() if constants[name].size}
    if SIZES in inputs:
        sizes = _sizes(node, [shape[axis] for axis in axes], inputs[SIZES])
        if sizes is None or any(n is None for axis, n in enumerate(shape) if axis not in axes):
            return
        inputs[SIZES] = _at_axes(np.array([n or 0 for n in shape], np.int64), axes, sizes)
    if SCALES in inputs:
        inputs[SCALES] = _at_axes(np.ones(len(shape), np.float32), axes, inputs[SCALES])
    if ROI in inputs:
        start, end = inputs[ROI].reshape(2, -1)
        rest = np.zeros(len(shape), start.dtype)
        inputs[ROI] = np.concatenate([_at_axes(rest, axes, start), _at_axes(rest + 1, axes, end)])
    for index, values in inputs.items():
        node.input[index] = f"{node.output[0]}.resized.{index}"
        graph.initializer.append(numpy_helper.from_array(values, node.input[index]))
    kept = [a for a in node.attribute if a.name not in ("axes", "keep_aspect_ratio_policy")]
    del node.attribute[:]
    node.attribute.extend(kept)


def _sizes(node: onnx.NodeProto, lengths: Sequence[int | None], sizes: Any) -> Any:
    """Return the output sizes under the aspect-ratio policy, or None if lengths are unknown."""
    policy = next((a.s for a in node.attribute if a.name == "keep_aspect_ratio_policy"), b"stretch")
    if policy not in POLICIES:
        return sizes
    known = [length for length in lengths if length]
    if len(known) < len(lengths):
        return None
    ratios = [float(size / length) for size, length in zip(sizes, known, strict=True)]
    exact = np.array(known) * POLICIES[policy](ratios)
    return np.rint(exact).astype(np.int64) if np.array_equal(exact, np.rint(exact)) else None


def _at_axes(default: Any, axes: Sequence[int], values: Any) -> Any:
    full = default.copy()
    full[list(axes)] = values
    return full


def _shapes(model: onnx.ModelProto) -> dict[str, list[int | None]]:
    """Return the shape of every value of known rank; None for an open length."""
    graph = infer_shapes(model).graph
    shapes = {}
    for value in (*graph.input, *graph.value_info):
        if value.type.tensor_type.HasField("shape"):
            lengths = value.type.tensor_type.shape.dim
            shapes[value.name] = [d.dim_value if d.HasField("dim_value") else None for d in lengths]
    return shapes
