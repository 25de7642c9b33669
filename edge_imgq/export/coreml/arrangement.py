"""Operators that move values without computing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_imgq.export.coreml.steps import Site, half, mb
from edge_imgq.graph.network import Operation

PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
END = 2**31 - 1


def concat(site: Site) -> Any:
    """Concat along one axis."""
    values = [site.read(index) for index in range(len(site.operation.inputs))]
    return mb.concat(values=values, axis=site.attribute("axis", 1))


def split(site: Site) -> Any:
    """Split; the sizes are those of the outputs."""
    axis = site.attribute("axis", 0)
    sizes = [tensor.shape[axis] for tensor in site.operation.outputs]
    return mb.split(x=site.read(0), split_sizes=sizes, axis=axis)


def slice_(site: Site) -> Any:
    """Slice with constant bounds; a bound at the image's edge follows the image's size."""
    x = site.read(0)
    begin, end, stride = [0] * x.rank, [0] * x.rank, [1] * x.rank
    no_begin, no_end = [True] * x.rank, [True] * x.rank
    for axis, first, last, step in _cuts(site.operation):
        size = x.shape[axis]
        begin[axis], end[axis], stride[axis] = first, last, step
        no_begin[axis] = first == 0
        no_end[axis] = last >= size
    return mb.slice_by_index(
        x=x, begin=begin, end=end, stride=stride, begin_mask=no_begin, end_mask=no_end
    )


def refuse_slice(operation: Operation) -> str | None:
    """Say what of a Slice has no form."""
    if any(tensor is not None and tensor.data is None for tensor in operation.inputs[1:]):
        return "its bounds are computed at run time"
    if any(step < 1 for *_, step in _cuts(operation)):
        return "it walks backwards"
    return None


def _cuts(operation: Operation) -> list[tuple[int, int, int, int]]:
    """Return (axis, first, last, step) for every axis that a Slice names."""

    def integers(index: int, default: Sequence[int]) -> list[int]:
        tensor = operation.inputs[index] if len(operation.inputs) > index else None
        data = default if tensor is None or tensor.data is None else tensor.data
        return [int(value) for value in np.asarray(data).reshape(-1)]

    starts, ends = integers(1, ()), integers(2, ())
    axes = integers(3, range(len(starts)))
    steps = integers(4, [1] * len(starts))
    rank = len(operation.operand(0).shape)
    return [
        (axis % rank, max(first, -END), min(last, END), step)
        for axis, first, last, step in zip(axes, starts, ends, steps, strict=True)
    ]


def depth_to_space(site: Site) -> Any:
    """DepthToSpace; mode CRD is Core ML's pixel_shuffle."""
    block = site.attribute("blocksize", 1)
    if site.attribute("mode", "DCR") == "CRD":
        return mb.pixel_shuffle(x=site.read(0), upscale_factor=block)
    return mb.depth_to_space(x=site.read(0), block_size=block)


def space_to_depth(site: Site) -> Any:
    """SpaceToDepth."""
    return mb.space_to_depth(x=site.read(0), block_size=site.attribute("blocksize", 1))


def pad(site: Site) -> Any:
    """Pad with a constant, by reflection, or with the edge."""
    x, amounts = site.read(0), _amounts(site.operation)
    mode = PAD_MODES[site.attribute("mode", "constant")]
    sides = [side for axis in range(x.rank) for side in (amounts[axis], amounts[axis + x.rank])]
    if mode != "constant":
        # Core ML reflects and replicates along the last two axes only, and wants no others named.
        return mb.pad(x=x, pad=sides[-4:], mode=mode)
    inputs = site.operation.inputs
    given = len(inputs) > 2 and inputs[2] is not None
    value = site.constant(2).reshape(()) / site.unit if given else np.zeros(())
    return mb.pad(x=x, pad=sides, mode=mode, constant_val=half(value, site.operation.name)[()])


def refuse_pad(operation: Operation) -> str | None:
    """Say what of a Pad has no form."""
    mode = operation.attributes.get("mode", "constant")
    if mode not in PAD_MODES:
        return f"mode {mode} does not exist in Core ML"
    if operation.operand(1).data is None:
        return "its amounts are computed at run time"
    amounts = _amounts(operation)
    rank = len(amounts) // 2
    outer = [amounts[axis] or amounts[axis + rank] for axis in range(rank - 2)]
    if mode != "constant" and any(outer):
        return f"mode {mode} exists for height and width only"
    if min(amounts) < 0:
        return "it crops: its amounts are negative"
    return None


def _amounts(operation: Operation) -> list[int]:
    """Return ONNX's amounts for every axis: all starts, then all ends."""
    given = [int(value) for value in np.asarray(operation.operand(1).data).reshape(-1)]
    tensor = operation.inputs[3] if len(operation.inputs) > 3 else None
    if tensor is None or tensor.data is None:
        return given
    rank = len(operation.operand(0).shape)
    amounts = [0] * (2 * rank)
    for index, axis in enumerate(int(axis) % rank for axis in np.asarray(tensor.data).reshape(-1)):
        amounts[axis] = given[index]
        amounts[axis + rank] = given[index + len(given) // 2]
    return amounts
