"""Lowering of comparisons, logical operators, Where and Cast to Core ML.

`select` gets three tensors of one shape, as from coremltools' torch front end: smaller operands are
tiled first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import LoweringContext, Variable, mb
from edge_imgq.graph.network import Operation, Tensor

FLOAT, BOOL = 1, 9
"""ONNX codes of the element types that a Cast may have here."""


def of_two(operator: str) -> Callable[[LoweringContext], Any]:
    """Return a lowering of a comparison or binary logical operator, with broadcasting, to booleans.

    Args:
        operator: name of MIL's operator; numbers are compared as real values in float16.
    """
    return lambda context: getattr(mb, operator)(x=context.read(0), y=context.read(1))


def logical_not(context: LoweringContext) -> Variable:
    """Lower Not of booleans of any shape to logical_not. Exact."""
    return mb.logical_not(x=context.read(0))


def select(context: LoweringContext) -> Variable:
    """Lower Where to select, in float16 on real values, with operands tiled to the result's shape.

    Operands are broadcast as in NumPy. The selection is exact; constants are rounded to float16.
    `refuse_select` says which uses this does not cover.
    """
    shape = context.operation.output.shape
    cond, a, b = (_repeated(context, index, shape) for index in (0, 1, 2))
    return mb.select(cond=cond, a=a, b=b)


def cast(context: LoweringContext) -> Variable:
    """Lower Cast: bool to float16 as 0 and 1, float to bool as x ≠ 0, float to float unchanged.

    Exact. `refuse_cast` says which types this does not cover.
    """
    source = context.operation.operand(0)
    if context.attribute("to", FLOAT) == BOOL:
        return mb.not_equal(x=context.read(0), y=np.float16(0))
    return mb.cast(x=context.read(0), dtype="fp16") if source.logical else context.read(0)


def refuse_cast(operation: Operation) -> str | None:
    """Return a reason, a clause, if a Cast is to a type other than float32 and bool, else None."""
    if operation.attributes.get("to") in (FLOAT, BOOL):
        return None
    return "it casts pixels to another type than float32; use Floor or Round instead"


def refuse_select(operation: Operation) -> str | None:
    """Return a reason, a clause, if a Where selects bool values, else None."""
    if not operation.output.logical:
        return None
    return "it selects between booleans; write it with And and Or"


def _repeated(context: LoweringContext, index: int, shape: tuple[int, ...]) -> Variable:
    """Return an operand tiled to a shape."""
    tensor: Tensor = context.operation.operand(index)
    if tensor.data is not None:
        values = np.broadcast_to(tensor.data, shape)
        return values.astype(bool) if tensor.logical else values.astype(np.float16)
    variable = context.read(index)
    missing = len(shape) - len(tensor.shape)
    if missing:
        variable = mb.expand_dims(x=variable, axes=list(range(missing)))
    lengths = (1,) * missing + tensor.shape
    reps = [whole // own for whole, own in zip(shape, lengths, strict=True)]
    if max(reps) == 1:
        return variable
    if not tensor.logical:
        return mb.tile(x=variable, reps=reps)
    number = mb.tile(x=mb.cast(x=variable, dtype="fp16"), reps=reps)
    return mb.cast(x=number, dtype="bool")
