"""Limit the range of values that a ReLU after an addition cuts off anyway.

In relu(x + f), where only the addition reads f, let h be the largest value of x. If f < −h, the sum
is negative and the result zero, so f need not be stored below −h. This is exact on images on which
x does not exceed h, as on those that ranges are measured on. The last blocks of
residual trunks switch channels off in this way, with values many times as large as those that reach
the result, and all three share one scale (`edge_imgq.quantize.scales.exact_addition`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.fusion import clip_bounds, fused_activation
from edge_imgq.quantize.ranges.ranges import ChannelRange


def limit_relu_sums(
    graph: ir.Graph, observed: Mapping[str, ChannelRange]
) -> dict[str, ChannelRange]:
    """Raise the lower ends of ranges of values f that are only read in relu(x + f).

    f < −max x gives zero in any case, so f need not be stored below that. Exact on images on which
    x stays in its range. Patterns without per-channel ranges of both operands are left out.

    Args:
        graph: float graph; it is not changed.
        observed: ranges of its activations, by value name; it is not changed.

    Returns:
        All ranges, with those of such values raised.
    """
    ranges = dict(observed)
    for node in graph:
        if node.op_type != "Add" or not _is_rectified(node):
            continue
        names = [value.name or "" for value in node.inputs if value is not None]
        if any(name not in observed or not observed[name].low.ndim for name in names):
            continue
        for value, own, other in zip(node.inputs, names, reversed(names), strict=True):
            if value is not None and edit.sole_consumer(value) is not None:
                measured = observed[own]
                needed = np.minimum(-observed[other].high, 0)
                low = np.maximum(measured.low, needed)
                ranges[own] = replace(measured, low=low, high=np.maximum(measured.high, low))
    return ranges


def _is_rectified(node: ir.Node) -> bool:
    after = fused_activation(node)
    if after is None:
        return False
    bounds = clip_bounds(after)
    return bounds is not None and bounds.low >= 0
