"""Lowering of operators that reshape, permute or repeat a tensor to Core ML.

Tensors have any rank. All are exact if input and result have one unit
(`edge_imgq.export.coreml.integer_units`). Computed axes, shapes of Expand and counts of Tile are
refused before the lowering, by `refuse_computed`.
"""

from __future__ import annotations

import numpy as np

from edge_imgq.export.coreml.integer_units import LoweringContext, Variable, mb
from edge_imgq.graph.network import Operation


def reshape(context: LoweringContext) -> Variable:
    """Lower Reshape and Flatten to reshape, to the graph's output shape; elements keep order.

    Exact if input and result have one scale.
    """
    return mb.reshape(x=context.read(0), shape=list(context.operation.output.shape))


def unsqueeze(context: LoweringContext) -> Variable:
    """Lower Unsqueeze to expand_dims at constant axes of the result.

    Negative axes count from the end of the result. Exact if input and result have one scale.
    """
    rank = len(context.operation.output.shape)
    axes = [axis % rank for axis in integers(context.operation, 1, "axes")]
    return mb.expand_dims(x=context.read(0), axes=axes)


def squeeze(context: LoweringContext) -> Variable:
    """Lower Squeeze to squeeze of the given axes, or of all axes of length 1.

    Axes are constant; negative ones count from the end. Exact if input and result have one scale.
    """
    shape = context.operation.operand(0).shape
    axes = [axis % len(shape) for axis in integers(context.operation, 1, "axes")]
    axes = axes or [axis for axis, size in enumerate(shape) if size == 1]
    return mb.squeeze(x=context.read(0), axes=axes) if axes else context.read(0)


def transpose(context: LoweringContext) -> Variable:
    """Lower Transpose to transpose: axis i of the result is axis perm[i] of the input.

    Without `perm` the axes are reversed. Exact if input and result have one scale.
    """
    x = context.read(0)
    return mb.transpose(x=x, perm=list(context.attribute("perm", tuple(reversed(range(x.rank))))))


def tile(context: LoweringContext) -> Variable:
    """Lower Tile to tile: axis i is repeated as often as the constant second input says.

    Exact if input and result have one scale.
    """
    return mb.tile(x=context.read(0), reps=integers(context.operation, 1, "repeats"))


def expand(context: LoweringContext) -> Variable:
    """Lower Expand to a constant shape to expand_dims and tile; to nothing if the shape stays.

    Exact if input and result have one scale.
    """
    x, shape = context.read(0), context.operation.output.shape
    if x.rank < len(shape):
        x = mb.expand_dims(x=x, axes=list(range(len(shape) - x.rank)))
    reps = [after // before for before, after in zip(x.shape, shape, strict=True)]
    return mb.tile(x=x, reps=reps) if set(reps) != {1} else x


def refuse_computed(operation: Operation) -> str | None:
    """Return a reason if the shape, axes or counts are computed, else None."""
    if any(tensor is not None and tensor.data is None for tensor in operation.inputs[1:]):
        return "its second input is computed at run time; export the model at one size"
    return None


def integers(operation: Operation, index: int, attribute: str) -> list[int]:
    """Return integers from an attribute (older opsets) or a constant input; [] if both are absent.

    `index` is that of the input, `attribute` the attribute's name. A computed input also gives [].
    """
    given = operation.attributes.get(attribute)
    if given is not None:
        return [int(value) for value in given]
    tensor = operation.inputs[index] if len(operation.inputs) > index else None
    if tensor is None or tensor.data is None:
        return []
    return [int(value) for value in np.asarray(tensor.data).reshape(-1)]
