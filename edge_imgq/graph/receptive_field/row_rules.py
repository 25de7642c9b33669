"""Table of row-range rules, by operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.operators import ELEMENTWISE, QUANTIZING, REDUCING, RESHAPING
from edge_imgq.graph.receptive_field.joining_rules import (
    all_but_the_first,
    along,
    einsum,
    from_axis,
    gemm,
    matrix_product,
    of_first,
    one_axis,
    pointwise,
    reduced,
    stated_axis,
)
from edge_imgq.graph.receptive_field.movement_rules import (
    concatenated,
    depth_to_space,
    expanded,
    gathered,
    padded,
    reshaped,
    sliced,
    split_outputs,
    tiled,
    transposed_axes,
)
from edge_imgq.graph.receptive_field.row_dependence import (
    MAX_ELEMENTS,
    NotKnownError,
    RowRanges,
    Shape,
    merged,
    shape_of,
)
from edge_imgq.graph.receptive_field.window_rules import (
    convolution,
    deconvolution,
    pooled,
    resized,
    space_to_depth,
)

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[np.int64]


def follow(node: ir.Node, sources: Sequence[RowRanges]) -> list[RowRanges]:
    """Return the first and last image row on which each element of a node's outputs depends.

    Never narrower than what the node reads; wider, by merging, where the arrays would exceed
    MAX_ELEMENTS (2²²).

    Args:
        node: node of a graph with static shapes.
        sources: row ranges of its inputs in order; an absent input depends on nothing.

    Returns:
        The row ranges of each output, in order.

    Raises:
        NotKnownError: the operator is not in `KNOWN`, or takes positions from the image.
    """
    rule = KNOWN.get(node.op_type)
    if rule is None:
        raise NotKnownError
    shapes = [shape_of(value) for value in node.outputs]
    results = rule(node, list(sources), shapes[0])
    if isinstance(results, RowRanges):
        results = [results] * len(shapes)
    return [_within(ranges, shape) for ranges, shape in zip(results, shapes, strict=True)]


def _within(ranges: RowRanges, shape: Shape) -> RowRanges:
    """Return ranges with a shape set, merged while their arrays exceed MAX_ELEMENTS."""
    while ranges.first.size > MAX_ELEMENTS:
        axis = int(np.argmax(ranges.first.shape[::-1]))
        ranges = merged(ranges, [ranges.first.ndim - 1 - axis])
    return RowRanges(shape, ranges.first, ranges.last)


KNOWN: dict[str, Callable[[ir.Node, list[RowRanges], Shape], RowRanges | list[RowRanges]]] = {
    **dict.fromkeys(ELEMENTWISE, pointwise),
    **dict.fromkeys(("BatchNormalization", *QUANTIZING), of_first),
    **dict.fromkeys(REDUCING, reduced),
    **dict.fromkeys(RESHAPING, reshaped),
    **dict.fromkeys(("Hardmax", "LogSoftmax", "LpNormalization", "Softmax"), along(one_axis(-1))),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), along(from_axis)),
    **dict.fromkeys(("GroupNormalization", "InstanceNormalization"), along(all_but_the_first)),
    **dict.fromkeys(("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"), along(
        lambda _node, rank: range(2, rank))),
    **dict.fromkeys(("AveragePool", "LpPool", "MaxPool"), pooled),
    "Concat": concatenated,
    "Conv": convolution,
    "ConvTranspose": deconvolution,
    "CumSum": along(stated_axis),
    "DepthToSpace": depth_to_space,
    "Einsum": einsum,
    "Expand": expanded,
    "Gather": gathered,
    "Gemm": gemm,
    "LRN": along(lambda _node, _rank: [1]),
    "MatMul": matrix_product,
    "Pad": padded,
    "Resize": resized,
    "Slice": sliced,
    "SpaceToDepth": space_to_depth,
    "Split": split_outputs,
    "Tile": tiled,
    "Transpose": transposed_axes,
}  # fmt: skip
"""Row-range rule, by operator. The dependence of other operators is unknown."""
