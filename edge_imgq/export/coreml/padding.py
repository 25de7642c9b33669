"""Lowering of Pad to Core ML."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import LoweringContext, Variable, mb, to_float16
from edge_imgq.graph.network import Operation

NATIVE = {"reflect": "reflect", "edge": "replicate"}
"""Modes that Core ML supports on the last two axes if the padding is smaller than the image."""

SOURCES = ("reflect", "edge", "wrap")
"""Modes in which every padded element copies one of the image, by NumPy name."""


def pad(context: LoweringContext) -> Variable:
    """Lower Pad to pad, or to gathers for modes and amounts that Core ML's pad lacks.

    Modes are constant (by default with 0), reflect, edge and wrap. Negative amounts are cropped
    first. Copied values are exact; a constant is rounded to float16. `refuse_pad` says which uses
    this does not cover.

    Raises:
        ModelError: the constant exceeds float16.
    """
    operation = context.operation
    begins, ends = amounts(operation)
    x = _cropped(context.read(0), begins, ends)
    begins, ends = ([max(side, 0) for side in pair] for pair in (begins, ends))
    mode = operation.attributes.get("mode", "constant")
    if mode == "constant":
        pairs = [side for pair in zip(begins, ends, strict=True) for side in pair]
        return mb.pad(x=x, pad=pairs, mode=mode, constant_val=_fill(context))
    if mode in NATIVE and _fits(x.shape, begins, ends):
        pairs = [side for pair in zip(begins, ends, strict=True) for side in pair]
        return mb.pad(x=x, pad=pairs[-4:], mode=NATIVE[mode])
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if begin or end:
            table = np.pad(np.arange(x.shape[axis], dtype=np.int32), (begin, end), mode=mode)
            x = mb.gather(x=x, indices=table, axis=axis)
    return x


def refuse_pad(operation: Operation) -> str | None:
    """Return the reason why a Pad cannot be lowered, or None if it can.

    It needs the mode constant, reflect, edge or wrap, and constant amounts, value and axes.
    """
    mode = operation.attributes.get("mode", "constant")
    if mode not in (*SOURCES, "constant"):
        return f"mode '{mode}' is unknown; use constant, reflect, edge or wrap"
    if any(tensor is not None and tensor.data is None for tensor in operation.inputs[1:]):
        return "its amounts or its value are computed at run time; export the model at one size"
    return None


def amounts(operation: Operation) -> tuple[list[int], list[int]]:
    """Return ONNX's amounts before and after every axis; negative amounts crop.

    Both lists have one number for each axis of the input; axes that ONNX does not name get 0. The
    amounts must be constant.
    """
    rank = len(operation.operand(0).shape)
    given = [int(value) for value in np.asarray(operation.operand(1).data).reshape(-1)]
    tensor = operation.inputs[3] if len(operation.inputs) > 3 else None
    axes = list(range(rank))
    if tensor is not None and tensor.data is not None:
        axes = [int(axis) % rank for axis in np.asarray(tensor.data).reshape(-1)]
    begins, ends = [0] * rank, [0] * rank
    for index, axis in enumerate(axes):
        begins[axis], ends[axis] = given[index], given[index + len(axes)]
    return begins, ends


def _cropped(x: Any, begins: list[int], ends: list[int]) -> Any:
    if min(*begins, *ends) >= 0:
        return x
    first = [max(-begin, 0) for begin in begins]
    last = [size - max(-end, 0) for size, end in zip(x.shape, ends, strict=True)]
    return mb.slice_by_index(x=x, begin=first, end=last)


def _fits(shape: tuple[int, ...], begins: list[int], ends: list[int]) -> bool:
    if len(shape) < 2 or any(begins[:-2]) or any(ends[:-2]):
        return False
    sides = zip(shape[-2:], begins[-2:], ends[-2:], strict=True)
    return all(max(begin, end) < size for size, begin, end in sides)


def _fill(context: LoweringContext) -> Variable:
    inputs = context.operation.inputs
    given = len(inputs) > 2 and inputs[2] is not None
    value = context.constant(2).reshape(()) / context.unit if given else np.zeros(())
    return to_float16(value, context.operation.name)[()]
