"""Exact float16 subtraction of the rounded mean of integers.

A normalisation multiplies x − m by the inverse deviation, some hundreds for a nearly flat channel,
which amplifies the float16 errors of x and m. A quantized graph rounds the mean to 1/P of a level
of x, of scale s (module `edge_imgq.quantize.qdq.norm_rounding`):

    y = x − Round(m · P/s + c) · s/P.

In levels, x = s·q, with K the mean rounded to an integer,

    y = s · (d − Round(mean(d) · P + c) / P),        d = q − K,

for any integer K, so float16 errors in the mean that K is rounded from have no effect. d is exact.
In a flat channel mean(d) is less than 1, and float16 resolves it to 1/2048; the difference is a
multiple of 1/P.

The operations of the formula are fused into one, which is lowered as above.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import (
    LoweringContext,
    Variable,
    mb,
    scale_of,
    to_float16,
)
from edge_imgq.export.coreml.norm_fp16_range import STATISTICS, over_groups, reduced
from edge_imgq.graph.network import Network, Operation

CENTRED = "CentredLevels"
"""Kind of the fused operation."""

FORMULA = ("Mul", "Round", "Add", "Mul")
"""Operations between a mean and its subtraction, from the last to the first."""

FINEST = 64
"""Largest P for which float16 represents differences of some levels exactly."""


def gather_centring(network: Network) -> Network:
    """Fuse each subtraction of a rounded mean from int8 integers into one operation.

    The pattern is x − Mul(Round(Add(Mul(mean(x))))) with constants, where the mean is rounded to
    1/P of x's scale and P is a power of two up to 64. Statistics that nothing else reads are
    dropped. The new operations, of kind CENTRED, compute the same; without any, the network itself
    is returned.

    Raises:
        ModelError: an activation is not int8 with one scale.
    """
    producers = {op.outputs[0].name: op for op in network.operations if len(op.outputs) == 1}
    operations = tuple(_centred(op, producers) or op for op in network.operations)
    if all(operation.kind != CENTRED for operation in operations):
        return network
    ends = [tensor.name for tensor in network.outputs]
    return replace(network, operations=_read_by_any(operations, ends))


def centred_levels(context: LoweringContext) -> Variable:
    """Lower x − mean x, the mean rounded to a fraction of a level, from int8 to real values.

    Means are over the attribute `axes`, then over `groups` of channels unless that is 0. They are
    rounded to 1 / `denominator` of a level, a power of two up to 64, after `shift` of these units
    is added. float16 holds the differences in levels exactly; their products with the scale are
    rounded.

    Raises:
        ModelError: an activation is not int8 with one scale.
    """
    axes, groups = list(context.attribute("axes", ())), context.attribute("groups", 0)
    denominator, shift = (
        np.float16(context.attribute("denominator", 1)),
        context.attribute("shift", 0.0),
    )
    x, name = context.operation.operand(0), context.operation.name
    levels = context.read(0, scale_of(x))

    def mean(values: Any) -> Any:
        each = mb.reduce_mean(x=values, axes=axes, keep_dims=True)
        return over_groups(each, groups, mb.reduce_mean)

    near = mb.sub(x=levels, y=mb.round(x=mean(levels)))
    counted = mb.add(x=mb.mul(x=mean(near), y=denominator), y=to_float16(np.float64(shift), name))
    rest = mb.mul(x=mb.round(x=counted), y=1 / denominator)
    return mb.mul(x=mb.sub(x=near, y=rest), y=to_float16(np.float64(scale_of(x)), name))


def _centred(operation: Operation, producers: Mapping[str, Operation]) -> Operation | None:
    """Return the fused operation for a subtraction that matches the formula, or None."""
    source = operation.operand(0) if operation.kind == "Sub" else None
    if source is None or source.quantization is None or operation.operand(1).data is not None:
        return None
    before = _before(operation.operand(1).name, producers)
    formula = [next(before, None) for _ in FORMULA]
    unit, _, shift, count = (None if op is None else _number(op) for op in formula)
    if tuple(op.kind for op in formula if op is not None) != FORMULA:
        return None
    if unit is None or shift is None or count is None:
        return None
    denominator = round(scale_of(source) / unit)
    level, mean = scale_of(source), _mean(source.name, before)
    whole = np.isclose(denominator * unit, level) and np.isclose(denominator, count * level)
    is_fine = 1 <= denominator <= FINEST and not denominator & (denominator - 1)
    if mean is None or not whole or not is_fine:
        return None
    attributes = {**mean, "denominator": denominator, "shift": shift}
    return replace(operation, kind=CENTRED, inputs=(source,), attributes=attributes)


def _before(name: str, producers: Mapping[str, Operation]) -> Iterator[Operation]:
    """Yield the producers of a float tensor along first inputs, nearest first."""
    while (operation := producers.get(name)) is not None and not operation.activation:
        yield operation
        name = operation.operand(0).name


def _mean(source: str, before: Iterator[Operation]) -> dict[str, Any] | None:
    """Return axes and groups of the mean of `source` at the end of a chain, or None."""
    statistics: list[Operation] = []
    for operation in before:
        if operation.kind not in STATISTICS:
            return None
        statistics.insert(0, operation)
        if operation.operand(0).name == source:
            return reduced(tuple(statistics))
    return None


def _number(operation: Operation) -> float | None:
    """Return the constant scalar that an operation adds or multiplies by, or None."""
    constant = operation.inputs[1] if len(operation.inputs) > 1 else None
    if constant is None or constant.data is None or constant.data.size != 1:
        return None
    return float(constant.data.reshape(-1)[0])


def _read_by_any(operations: Sequence[Operation], ends: Sequence[str]) -> tuple[Operation, ...]:
    """Return the operations that a network's outputs depend on."""
    wanted = set(ends)
    kept: list[Operation] = []
    for operation in reversed(operations):
        if any(tensor.name in wanted for tensor in operation.outputs):
            kept.insert(0, operation)
            wanted |= {tensor.name for tensor in operation.inputs if tensor is not None}
    return tuple(kept)
