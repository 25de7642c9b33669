"""Cut ranges where the following operators saturate.

Take tanh(x) after a convolution, with x from −20 to 20. Beyond ±3.2 the result changes by less than
half its level of 1/128, so such values need no codes; a scale that covers them leaves a sixth of
the levels to the rest. The range of a value x of the graph is cut to

    [a, b] with |f(x) − f(b)| ≤ q/2 above b, and |f(x) − f(a)| ≤ q/2 below a,

where f is the pointwise function that the graph computes from x, and q the level in which the
result is stored: 1/128 after Tanh, 1/256 after Sigmoid, a pixel level at the end of the graph,
elsewhere 1/255 of the range. f may consist of several operators, as x·σ(x) or a clip after a pixel
shuffle. It is followed through operators that are pointwise or move elements; if it branches, all
branches count. This cuts the flat sides of SiLU, GELU, ELU, Softplus, Mish and HardSwish, the ends
of Tanh, Sigmoid, HardSigmoid and Clip, and values that an unfused ReLU sets to 0. The observed
range is never widened.

Softmax is excluded: each of its outputs depends on several inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.network import Quantization
from edge_imgq.graph.operators import ELEMENTWISE, MOVING, operators
from edge_imgq.quantize.prepare.float_region_gains import is_factor
from edge_imgq.quantize.ranges.ranges import LEVELS, ChannelRange, Range, bounds
from edge_imgq.quantize.scales.scale_constraints import FIXED_OUTPUT

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Numbers = NDArray[np.float64]

FLATTENING = operators(lambda row: row.elementwise and row.bounded)
"""Operators that are flat or nearly flat on one or both sides."""

POINTWISE = ELEMENTWISE - MOVING
"""Operators that compute each element from the same input element, if their constants are
scalar."""

MOVED = MOVING - {"Concat", "Pad"}
"""Operators whose output elements are a selection of those of their first input."""

POINTS = 4096
"""Number of points of a range at which f is evaluated."""

MIN_UNUSED_SHARE = 0.02
"""Least share of a range that must be unused before it is cut."""


def limit_to_saturation(
    graph: ir.Graph, observed: Mapping[str, ChannelRange], image: Quantization
) -> dict[str, ChannelRange]:
    """Cut ranges where the following activations, such as Sigmoid, are flat to within half a level.

    A range is cut only if at least 2 % of it is unused. Clipping a value to its new range changes
    what is computed from it by at most half a level. `observed` is not changed.

    Args:
        graph: float graph after all rewrites, as it will be quantized; it is not changed.
        observed: ranges of its activations, by value name.
        image: quantization parameters of 8-bit pixels, in which the output is stored.
    """
    ranges = dict(observed)
    if any(node.op_type in FLATTENING for node in graph):
        for node in reversed(list(graph)):  # later ranges must be final first
            for value in node.outputs:
                measured = ranges.get(value.name or "")
                if measured is not None and not value.is_graph_output():
                    ranges[value.name or ""] = _narrowed(value, measured, ranges, image)
    return ranges


def _narrowed(
    value: ir.Value, observed: ChannelRange, ranges: Mapping[str, ChannelRange], image: Quantization
) -> ChannelRange:
    """Cut the range of a value where all results computed from it are flat."""
    whole = observed.whole()
    points = np.linspace(min(whole.low, 0.0), max(whole.high, 0.0), POINTS)
    results = _results(value, points)
    if not results:
        return observed
    first, last = np.array([POINTS - 1]), np.array([0])
    for result, numbers in results.items():
        stored = _stored(result, ranges, image)
        if stored is None or not np.isfinite(numbers).all():
            return observed
        numbers = numbers.clip(stored.low, stored.high)
        tolerance = _levels(value, result, stored, ranges) / 2
        first = np.minimum(
            first, [POINTS - 1 - _saturates_from(numbers[::-1], t) for t in tolerance]
        )
        last = np.maximum(last, [_saturates_from(numbers, t) for t in tolerance])
    is_cut = (last - first <= (1 - MIN_UNUSED_SHARE) * POINTS) & (first < last)
    low, high = (
        np.where(is_cut, end.clip(points[first], points[last]), end).reshape(end.shape)
        for end in (observed.low, observed.high)
    )
    return replace(observed, low=low, high=high)


def _levels(
    value: ir.Value, result: ir.Value, stored: Range, ranges: Mapping[str, ChannelRange]
) -> Numbers:
    """Return the level in which a result is stored, per channel of `value` if each has a gain.

    After operators that move elements, which channel is which is not known, so the finest level is
    returned.
    """
    if not is_factor(edit.producer(result)):
        return np.array([(stored.high - stored.low) / LEVELS])
    observed = ranges[result.name or ""]
    spans: Numbers = (np.maximum(observed.high, 0) - np.minimum(observed.low, 0)) / LEVELS
    return spans.min(keepdims=True) if _is_moved(value, result) else spans


def _is_moved(value: ir.Value, result: ir.Value) -> bool:
    """Return True if elements are moved on the way from a value to a result computed from it."""
    visited, waiting = {value}, [result]
    while waiting:
        current = waiting.pop()
        node = None if current in visited else current.producer()
        visited.add(current)
        if node is not None and node.op_type in MOVED:
            return True
        waiting += [] if node is None else [v for v in node.inputs if v is not None]
    return False


def _saturates_from(numbers: Numbers, tolerance: float) -> int:
    """Return the first index from which on all numbers are within a tolerance of the one there."""
    highest = np.maximum.accumulate(numbers[::-1])[::-1]
    lowest = np.minimum.accumulate(numbers[::-1])[::-1]
    return int(np.argmax(np.maximum(highest - numbers, numbers - lowest) <= tolerance))


def _stored(
    result: ir.Value, ranges: Mapping[str, ChannelRange], image: Quantization
) -> Range | None:
    """Return the range that the scale of a value represents; None if it has no scale."""
    kind = edit.producer(result).op_type
    if result.is_graph_output():
        return bounds(image)
    if kind in FIXED_OUTPUT:
        return bounds(FIXED_OUTPUT[kind])
    observed = ranges.get(result.name or "")
    return None if observed is None else observed.whole().join(Range(0.0, 0.0))


def _results(value: ir.Value, points: Numbers) -> dict[ir.Value, Numbers]:
    """Evaluate the graph pointwise at numbers of a value; map each stored result to its numbers.

    Empty if any result does not pass through a flattening operator.
    """
    if not any(_may_flatten(node) for node in value.consumers()):
        return {}
    import torch

    known = {value: torch.from_numpy(points)}
    flattened: set[ir.Value] = set()
    inside: set[ir.Node] = set()
    waiting = list(value.consumers())
    while waiting:
        node = waiting.pop(0)
        if node in inside or not _is_followed(node, known):
            continue
        inside.add(node)
        result = _computed(node, known)
        saturated = node.op_type in FLATTENING or any(v in flattened for v in node.inputs)
        for output in node.outputs:
            known[output] = result
            flattened |= {output} if saturated else set()
            waiting += output.consumers()
    ends = [v for v in known if v.is_graph_output() or not inside.issuperset(v.consumers())]
    if not flattened.issuperset(ends):
        return {}
    return {end: known[end].numpy() for end in ends}


def _may_flatten(node: ir.Node) -> bool:
    return node.op_type in FLATTENING | MOVED or is_factor(node)


def _is_followed(node: ir.Node, known: Mapping[ir.Value, Tensor]) -> bool:
    """Return True if a node computes each element from known ones alone."""
    given = [value for value in node.inputs if value is not None]
    if node.op_type in MOVED:
        return given[0] in known
    from edge_imgq.quantize.torch.torch_operators import OPERATORS

    return node.op_type in POINTWISE & OPERATORS.keys() and all(
        value in known or (edit.is_constant(value) and _is_one_number(edit.contents(value)))
        for value in given
    )


def _is_one_number(array: NDArray[np.float32]) -> bool:
    return bool(array.size > 0 and (array == array.flat[0]).all())


def _computed(node: ir.Node, known: Mapping[ir.Value, Tensor]) -> Tensor:
    """Evaluate a node on known numbers."""
    import torch

    from edge_imgq.quantize.torch.torch_operators import OPERATORS

    inputs: list[Tensor | None] = [
        None if v is None else known[v] if v in known else torch.tensor(edit.contents(v).flat[0])
        for v in node.inputs[: 1 if node.op_type in MOVED else None]
    ]
    if node.op_type in MOVED:
        inputs = inputs[:1]
        assert inputs[0] is not None
        return inputs[0]
    result = OPERATORS[node.op_type](node, inputs)
    assert not isinstance(result, tuple)
    return result
