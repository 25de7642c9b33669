"""Rounding of statistics to multiples of a power of two within float16's range.

A quantized graph rounds means and factors of normalisations to a unit u (module
`edge_imgq.quantize.qdq.norm_rounding`):

    Round(x · 1/u) · u.

The factor of a flat channel is ε^(−½), some hundreds, which in units exceeds 65504, float16's
largest value. A float16 has 11 bits, so from 2048 · u on it is always a multiple of u. Only the
clipped part is rounded, and the remainder, usually 0, is added back, both exactly:

    n = min(max(x, −2048 · u), 2048 · u),        Round(n · 1/u) · u + (x − n).

The three operations of the formula are fused into one, which is lowered as above.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edge_imgq.export.coreml.arithmetic import FLOAT16_MAX, SECOND_FACTOR
from edge_imgq.export.coreml.integer_units import LoweringContext, Variable, mb
from edge_imgq.graph.network import Network, Operation, Tensor

ROUNDED = "RoundedToUnit"
"""Kind of the fused operation."""

WHOLE = 2048.0
"""Every float16 from here on is an integer."""

MIN_UNIT, MAX_UNIT = 2.0**-22, 2.0**4
"""Smallest and largest unit whose formula fits float16; other roundings are not fused."""


def gather_rounding(network: Network) -> Network:
    """Fuse each chain Mul, Round, Mul that rounds to multiples of a power of two.

    A chain counts if its two factors are constants 1/u and u, with u from 2⁻²² to 2⁴, and if
    nothing else reads the values between. One operation of kind ROUNDED replaces it, with u as
    attribute "unit".

    Returns:
        A new network that computes the same; other operations are unchanged.
    """
    producers = {op.outputs[0].name: op for op in network.operations if len(op.outputs) == 1}
    readers: dict[str, int] = {tensor.name: 1 for tensor in network.outputs}
    for operation in network.operations:
        for name in (tensor.name for tensor in operation.inputs if tensor is not None):
            readers[name] = readers.get(name, 0) + 1
    wholes: dict[int, Operation] = {}
    inner: set[int] = set()
    for operation in network.operations:
        chain = _chain(operation, producers, readers)
        if chain is not None:
            first, second, unit = chain
            wholes[id(operation)] = replace(
                operation, kind=ROUNDED, inputs=(first.operand(0),), attributes={"unit": unit}
            )
            inner |= {id(first), id(second)}
    operations = (op for op in network.operations if id(op) not in inner)
    return replace(network, operations=tuple(wholes.get(id(op), op) for op in operations))


def rounded_to_unit(context: LoweringContext) -> Variable:
    """Lower ROUNDED, rounding to the nearest multiple of u, half to even, in float16.

    Values are real; u is the attribute "unit", a power of two. Only the part up to ±2048 · u is
    rounded, as every larger float16 is a multiple. Exact, since all factors are powers of two.
    """
    x, unit = context.read(0), float(context.attribute("unit", 1.0))
    most = np.float16(WHOLE * unit)
    near = mb.clip(x=x, alpha=-most, beta=most)
    up, counted = 1 / unit, near
    if up > FLOAT16_MAX:
        up, counted = up / SECOND_FACTOR, mb.mul(x=near, y=np.float16(SECOND_FACTOR))
    counted = mb.round(x=mb.mul(x=counted, y=np.float16(up)))
    return mb.add(x=mb.mul(x=counted, y=np.float16(unit)), y=mb.sub(x=x, y=near))


def _chain(
    last: Operation, producers: Mapping[str, Operation], readers: Mapping[str, int]
) -> tuple[Operation, Operation, float] | None:
    """Return the two operations before `last` and the unit if the three match, else None."""
    unit = _factor(last)
    middle = producers.get(last.operand(0).name) if unit is not None else None
    first = producers.get(middle.operand(0).name) if middle is not None else None
    if unit is None or middle is None or first is None or middle.kind != "Round":
        return None
    if _factor(first) != 1 / unit or math.frexp(unit)[0] != 0.5 or not MIN_UNIT <= unit <= MAX_UNIT:
        return None
    between = (first, middle)
    alone = all(readers[operation.output.name] == 1 and _plain(operation) for operation in between)
    return (first, middle, unit) if alone else None


def _plain(operation: Operation) -> bool:
    return operation.output.quantization is None and not operation.activation


def _factor(operation: Operation) -> float | None:
    """Return the scalar that an operation multiplies float values by, or None."""
    if operation.kind != "Mul":
        return None
    factor: Tensor = operation.operand(1)
    if factor.data is None or factor.data.size != 1 or factor.quantization is not None:
        return None
    return float(factor.data.reshape(-1)[0])
