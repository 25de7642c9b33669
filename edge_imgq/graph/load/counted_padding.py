"""State an AveragePool with `ceil_mode` without `count_include_pad`.

With `ceil_mode` the last window may extend beyond the image and its padding. Positions there are
not counted, but padding is, with `count_include_pad`. No format of ours and few runtimes tell the
two apart, so padding that counts becomes a Pad, and the pool counts its input alone:

    AveragePool(x, pads, ceil_mode, count_include_pad)   =   AveragePool(Pad(x, pads), ceil_mode)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


def without_counted_padding(model: onnx.ModelProto) -> onnx.ModelProto:
    """Move the padding of AveragePools with `ceil_mode` and `count_include_pad` into a Pad.

    AveragePool(x, pads) becomes AveragePool(Pad(x, pads)), with zeros and without
    `count_include_pad`. Exact. A node is kept if `auto_pad` pads it, or if a window could start in
    its padding, which ONNX leaves out.

    Returns:
        A copy, or the model itself if it has no such node.
    """
    if not any(_has_both(node) for node in model.graph.node):
        return model
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for node in list(result.graph.node):
        if _has_both(node):
            _move_padding(result.graph, node)
    return result


def _values(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _has_both(node: onnx.NodeProto) -> bool:
    """Return True for an AveragePool that this module changes."""
    if node.op_type != "AveragePool" or node.domain:
        return False
    values = _values(node)
    both = values.get("ceil_mode", 0) and values.get("count_include_pad", 0)
    if not both or values.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        return False
    kernel = values["kernel_shape"]
    strides = values.get("strides", [1] * len(kernel))
    ends = _pads(values)[len(kernel) :]
    return all(end <= max(k - s, 0) for end, k, s in zip(ends, kernel, strides, strict=True))


def _pads(values: dict[str, Any]) -> list[int]:
    return list(values.get("pads", [0] * 2 * len(values["kernel_shape"])))


def _move_padding(graph: onnx.GraphProto, node: onnx.NodeProto) -> None:
    """Replace the padding of a pool by a Pad, in place."""
    pads = _pads(_values(node))
    kept = [a for a in node.attribute if a.name not in ("pads", "count_include_pad")]
    del node.attribute[:]
    node.attribute.extend(kept)
    if not any(pads):
        return
    rank, name = len(pads) // 2, f"{node.output[0]}.padded"
    sides = np.array([0, 0, *pads[:rank], 0, 0, *pads[rank:]], np.int64)
    graph.initializer.append(numpy_helper.from_array(sides, f"{name}.pads"))
    pad = helper.make_node("Pad", [node.input[0], f"{name}.pads"], [name], name=name)
    graph.node.insert(list(graph.node).index(node), pad)
    node.input[0] = name
