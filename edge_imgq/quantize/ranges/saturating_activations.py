"""Ranges that end where the operator behind them stops changing.

Behind a convolution may stand tanh(x), and x may reach from −20 to 20. Beyond ±3.2 the result moves
by less than half of its level of 1/128, so those values need no codes of their own; a scale that
covers them leaves a sixth of the levels to all others. A value x of the graph is cut to

    [a, b] with |f(x) − f(b)| ≤ q/2 above b, and |f(x) − f(a)| ≤ q/2 below a,

where f is what the graph computes from x alone, number by number, and q the level that the result
is stored in: 1/128 behind Tanh, 1/256 behind Sigmoid, a pixel's at the end of the graph, elsewhere
its range over 255. f may have several operators, x·σ(x) or a clip behind a pixel shuffle; f is
followed as far as operators go that work on each number alone or move numbers about, and where it
leaves at several places, all of them count. The flat side of SiLU, GELU, ELU, Softplus, Mish and
HardSwish is cut this way, the ends of Tanh, Sigmoid, HardSigmoid and Clip, and what a Relu that
nothing fuses would make 0. The observed range is never widened.

Softmax is left out: what it makes of one number depends on the others.
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
"""Operators that change little, or not at all, on one side or both."""

POINTWISE = ELEMENTWISE - MOVING
"""Operators that compute every number from that of the same place, where constants are scalars."""

MOVED = MOVING - {"Concat", "Pad"}
"""Operators whose numbers are some of those that they read first."""

POINTS = 4096
"""Numbers between the ends of a range at which f is computed."""

LEAST_CUT = 0.02
"""Share of a range that must be without use before it is cut."""


def limit_to_saturation(
    graph: ir.Graph, seen: Mapping[str, ChannelRange], image: Quantization
) -> dict[str, ChannelRange]:
    """Return ranges without the values that the operators behind them make no difference of.

    Args:
        graph: float graph, rewritten as it will be quantized.
        seen: ranges of its activations, by name.
        image: parameters of 8-bit pixels, in which the output is stored.
    """
    ranges = dict(seen)
    if any(node.op_type in FLATTENING for node in graph):
        for node in reversed(list(graph)):  # the levels behind a value are known before it
            for value in node.outputs:
                found = ranges.get(value.name or "")
                if found is not None and not value.is_graph_output():
                    ranges[value.name or ""] = _narrowed(value, found, ranges, image)
    return ranges


def _narrowed(
    value: ir.Value, found: ChannelRange, ranges: Mapping[str, ChannelRange], image: Quantization
) -> ChannelRange:
    """Return the range of a value, cut where all that is computed from it is flat."""
    whole = found.whole()
    points = np.linspace(min(whole.low, 0.0), max(whole.high, 0.0), POINTS)
    results = _results(value, points)
    if not results:
        return found
    first, last = np.array([POINTS - 1]), np.array([0])
    for result, numbers in results.items():
        stored = _stored(result, ranges, image)
        if stored is None or not np.isfinite(numbers).all():
            return found
        numbers = numbers.clip(stored.low, stored.high)
        tolerance = _levels(result, stored, ranges) / 2
        first = np.minimum(first, [POINTS - 1 - _flat_from(numbers[::-1], t) for t in tolerance])
        last = np.maximum(last, [_flat_from(numbers, t) for t in tolerance])
    is_cut = (last - first <= (1 - LEAST_CUT) * POINTS) & (first < last)
    low, high = (
        np.where(is_cut, end.clip(points[first], points[last]), end).reshape(end.shape)
        for end in (found.low, found.high)
    )
    return replace(found, low=low, high=high)


def _levels(result: ir.Value, stored: Range, ranges: Mapping[str, ChannelRange]) -> Numbers:
    """Return the level that a value is stored in; of every channel, where each has a gain."""
    if not is_factor(edit.maker(result)):
        return np.array([(stored.high - stored.low) / LEVELS])
    found = ranges[result.name or ""]
    spans: Numbers = (np.maximum(found.high, 0) - np.minimum(found.low, 0)) / LEVELS
    return spans


def _flat_from(numbers: Numbers, tolerance: float) -> int:
    """Return the first place from which on numbers differ from the one there by a tolerance."""
    highest = np.maximum.accumulate(numbers[::-1])[::-1]
    lowest = np.minimum.accumulate(numbers[::-1])[::-1]
    return int(np.argmax(np.maximum(highest - numbers, numbers - lowest) <= tolerance))


def _stored(
    result: ir.Value, ranges: Mapping[str, ChannelRange], image: Quantization
) -> Range | None:
    """Return the numbers that the scale of a value holds; None where it has none."""
    kind = edit.maker(result).op_type
    if result.is_graph_output():
        return bounds(image)
    if kind in FIXED_OUTPUT:
        return bounds(FIXED_OUTPUT[kind])
    found = ranges.get(result.name or "")
    return None if found is None else found.whole().join(Range(0.0, 0.0))


def _results(value: ir.Value, points: Numbers) -> dict[ir.Value, Numbers]:
    """Return what a graph makes of numbers of a value, by the values that anything else reads.

    Nothing where one of them is not flattened on the way.
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
        flat = node.op_type in FLATTENING or any(v in flattened for v in node.inputs)
        for output in node.outputs:
            known[output] = result
            flattened |= {output} if flat else set()
            waiting += output.consumers()
    ends = [v for v in known if v.is_graph_output() or not inside.issuperset(v.consumers())]
    if not flattened.issuperset(ends):
        return {}
    return {end: known[end].numpy() for end in ends}


def _may_flatten(node: ir.Node) -> bool:
    return node.op_type in FLATTENING | MOVED or is_factor(node)


def _is_followed(node: ir.Node, known: Mapping[ir.Value, Tensor]) -> bool:
    """Tell whether a node computes every number from known ones alone."""
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
    """Return what a node makes of known numbers."""
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
