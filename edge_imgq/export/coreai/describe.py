"""Description and memory plan of a saved Core AI file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.artifact import size_of
from edge_imgq.report.description import FileDescription, KernelWindow, OperatorRow, TensorRow
from edge_imgq.runtime.coreai_constants import CONSTANT, TYPES, Constants, operations
from edge_imgq.runtime.coreai_file import Asset, open_asset
from edge_imgq.runtime.memory import MemoryPlan, PlannedOperator, known_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = ("coreai.", "decomposable.")
"""Prefixes of Core AI's operator names."""

BYTES = {"f16": 2, "f32": 4, "si8": 1, "ui8": 1, "i1": 1}
"""Size in bytes of numeric element types, by Core AI name."""

WINDOWS: dict[str, dict[str, int]] = {
    "conv2d": {"stride": 2, "dilation": 3, "groups": 4},
    "conv_transpose2d": {"stride": 2, "dilation": 4, "groups": 6},
    "maxpool2d": {"kernel": 1, "stride": 2, "dilation": 3},
    "sumpool2d": {"kernel": 1, "stride": 2, "dilation": 3},
}
"""Operand indices of window parameters; without "kernel", the weight shape gives the kernel."""

UNPACKING = "dequantize"
"""Operator that dequantizes integer weights when a file is loaded."""

IMAGE, RESULT = "image", "result"
"""Names of input and output in an app's code."""


@dataclass(frozen=True)
class Value:
    """A tensor of a program.

    Attributes:
        name: "image" for the input, else its operator's kind and index.
        shape: static.
        dtype: Core AI's element type, e.g. "f16" or "si8".
        data: contents of a constant; None for a computed tensor.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    data: NDArray[Any] | None = None


@dataclass(frozen=True)
class Node:
    """An operator of a program.

    Attributes:
        kind: Core AI's name, without its prefix.
        inputs: operands in Core AI's order, constants among them.
        outputs: results.
    """

    kind: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


@dataclass(frozen=True)
class Listing:
    """A program.

    Attributes:
        inputs: the image.
        outputs: results that the program returns.
        nodes: operators in execution order, without constants.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]


def describe(path: Path) -> FileDescription:
    """List a Core AI file's inputs, outputs, operators, parameters, MACs and bytes.

    All are for its one size; shapes are (1, C, H, W). Counts are exact; pixel levels have the scale
    of the contract. `memory`, in bytes, follows from the declared types; the runtime may plan
    otherwise.

    Raises:
        ModelError: the file is missing or damaged.
    """
    asset = open_asset(path)
    listing = read_listing(asset)
    learned = {v.name: v for node in listing.nodes for v in _learned(node) if v.data is not None}
    rows = tuple(_row(node) for node in listing.nodes)
    contract = asset.note.contract
    scale = contract.pixel_scale if contract.returns_image else None
    return FileDescription(
        format="Core AI",
        inputs=tuple(_edge(value, contract.pixel_scale) for value in listing.inputs),
        outputs=tuple(_edge(replace(value, name=RESULT), scale) for value in listing.outputs),
        operators=rows,
        parameters=sum(math.prod(value.shape) for value in learned.values()),
        zeros=sum(int((np.asarray(value.data) == 0).sum()) for value in learned.values()),
        macs=sum(row.macs for row in rows),
        bytes=size_of(path),
        memory=known_memory(path),
        note=asset.note,
    )


def _edge(value: Value, scale: float | None) -> TensorRow:
    return TensorRow(
        value.name, value.shape, TYPES[value.dtype], scale, None if scale is None else 0
    )


def memory_plan(path: Path) -> MemoryPlan:
    """List a file's operators in execution order, and tensor sizes in bytes of the declared types.

    Constants are not among the inputs of operators. A tensor whose type is not in BYTES (int32
    indices) is left out of `sizes`.

    Raises:
        ModelError: the file is missing or damaged.
    """
    asset = open_asset(path)
    listing = read_listing(asset)
    operators = tuple(
        PlannedOperator(
            node.kind,
            tuple(value.name for value in node.inputs if value.data is None),
            tuple(value.name for value in node.outputs),
        )
        for node in listing.nodes
    )
    tensors = [
        *listing.inputs,
        *(value for node in listing.nodes for value in (*node.inputs, *node.outputs)),
    ]
    sizes = {v.name: math.prod(v.shape) * BYTES[v.dtype] for v in tensors if v.dtype in BYTES}
    inputs, outputs = (tuple(v.name for v in ends) for ends in (listing.inputs, listing.outputs))
    return MemoryPlan(operators, sizes, inputs, outputs, asset.size)


def read_listing(asset: Asset) -> Listing:
    """Read the program of a file; operators stand in execution order, without those on constants.

    Raises:
        ModelError: the file is damaged.
    """
    program = asset.program()
    constants, values = Constants(program), dict[Any, Value]()
    nodes, outputs = list[Node](), tuple[Value, ...]()
    for index, operation in enumerate(operations(program)):
        kind = operation.name
        for word in WORDS:
            kind = kind.removeprefix(word)
        reads = tuple(values.setdefault(x, _value(IMAGE, x)) for x in operation.operands)
        if kind == "output":
            outputs = reads
            continue
        data = constants.numbers(operation) if operation.name == CONSTANT else None
        if kind == UNPACKING:
            data = reads[0].data
        made = tuple(_value(f"{kind}_{index}", result, data) for result in operation.results)
        values.update(zip(operation.results, made, strict=True))
        if data is None:
            nodes.append(Node(kind, reads, made))
    image = next(value for value in values.values() if value.name == IMAGE)
    return Listing((image,), outputs, tuple(nodes))


def _value(name: str, value: Any, data: Any = None) -> Value:
    kind = value.type
    return Value(name, tuple(kind.shape), str(kind.element_type), data)


def _learned(node: Node) -> Iterator[Value]:
    """Yield the operands of a node that may be learned: numeric constants except scalars."""
    operands = node.inputs[:1] if node.kind in ("dequantize", "quantize") else node.inputs
    yield from (v for v in operands if v.data is not None and v.shape and v.dtype in BYTES)


def _row(node: Node) -> OperatorRow:
    output = node.outputs[0]
    return OperatorRow(
        kind=node.kind,
        name=output.name,
        shape=output.shape,
        dtype=TYPES.get(output.dtype, output.dtype),
        macs=_macs(node),
        parameters=sum(math.prod(value.shape) for value in _learned(node)),
        window=_window(node),
    )


def _macs(node: Node) -> int:
    """Count multiply-accumulates: each weight once per position of the kernel."""
    output = node.outputs[0].shape
    if node.kind.startswith("conv"):
        slid = node.inputs[0].shape if "transpose" in node.kind else output
        return math.prod(slid[2:]) * math.prod(node.inputs[1].shape)
    if node.kind.endswith("matmul"):
        return math.prod(output) * node.inputs[0].shape[-1]
    return 0


def _window(node: Node) -> KernelWindow | None:
    """Return the window of a two-dimensional convolution or pool, or None."""
    operands = WINDOWS.get(node.kind)
    if operands is None:
        return None

    def pair(name: str) -> tuple[int, int]:
        first, second = (int(n) for n in _setting(node, operands[name])[:2])
        return first, second

    if "kernel" in operands:
        return KernelWindow(pair("kernel"), pair("stride"), pair("dilation"))
    height, width = node.inputs[1].shape[2:]
    groups = int(_setting(node, operands["groups"])[0])
    return KernelWindow((height, width), pair("stride"), pair("dilation"), groups)


def _setting(node: Node, index: int) -> NDArray[Any]:
    """Return a constant vector operand."""
    return np.ravel(np.asarray(node.inputs[index].data))
