"""Description and memory plan of ncnn's two files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_imgq.artifact import size_of
from edge_imgq.report.description import FileDescription, KernelWindow, OperatorRow, TensorRow
from edge_imgq.runtime.memory import MemoryPlan, PlannedOperator, known_memory
from edge_imgq.runtime.ncnn_file import Line, ParamAndBin, input_blobs, output_blobs, read_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVOLVING = ("Convolution", "ConvolutionDepthWise", "Deconvolution", "DeconvolutionDepthWise")
WITHOUT_WORK = frozenset({"Input", "MemoryData", "Split"})
"""Layers that compute nothing."""

FUSED = {1: "ReLU", 3: "Clip"}

Shapes = Mapping[str, Sequence[int]]


def describe(path: Path) -> FileDescription:
    """Describe a .param and .bin pair at its exported size: ports, operators, parameters and MACs.

    Shapes are ncnn's, without a batch axis: (C, H, W). int8 layers' scales are no parameters.

    Raises:
        ModelError: one of the files is missing or damaged.
    """
    pair = read_pair(path)
    arrays = pair.arrays()
    learned = {line.name: _learned(line, arrays.get(line.name, [])) for line in pair.lines}
    counts = {name: sum(a.size for a in tensors) for name, tensors in learned.items()}
    rows = tuple(
        _row(line, pair, counts.get(line.name, 0))
        for line in pair.lines
        if line.kind not in WITHOUT_WORK
    )
    return FileDescription(
        format="ncnn",
        inputs=tuple(_edge(name, pair) for name in input_blobs(pair.note.contract)),
        outputs=tuple(_edge(name, pair) for name in output_blobs(pair.note.contract)),
        operators=rows,
        parameters=sum(counts.values()),
        zeros=sum(int((a == 0).sum()) for tensors in learned.values() for a in tensors),
        macs=sum(row.macs for row in rows),
        bytes=size_of(path),
        memory=known_memory(path),
        note=pair.note,
    )


def memory_plan(path: Path) -> MemoryPlan:
    """List the layers in execution order, and blob sizes in bytes at the exported size.

    Elements have four bytes, two in a file for float16, and one in blobs of int8. Outputs of a
    Split share their input's memory.

    Raises:
        ModelError: one of the files is missing or damaged.
    """
    pair = read_pair(path)
    same = {b: line.inputs[0] for line in pair.lines if line.kind == "Split" for b in line.outputs}
    width = 2 if pair.computes_in_float16 else 4
    operators = tuple(
        PlannedOperator(line.kind, tuple(same.get(b, b) for b in line.inputs), line.outputs)
        for line in pair.lines
        if line.kind not in WITHOUT_WORK
    )
    integers = {blob for line in pair.lines if line.returns_integers for blob in line.outputs}
    sizes = {
        name: math.prod(shape) * (1 if name in integers else width)
        for name, shape in pair.shapes.items()
    }
    inputs = input_blobs(pair.note.contract)
    results = tuple(same.get(blob, blob) for blob in output_blobs(pair.note.contract))
    return MemoryPlan(operators, sizes, inputs, results, pair.size)


def _edge(name: str, pair: ParamAndBin) -> TensorRow:
    return TensorRow(name, tuple(pair.shapes[name]), "float32")


def _learned(line: Line, arrays: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the weights of a layer without quantization scales."""
    return arrays[: 1 + line.integer(5)] if line.in_integers else arrays


def _row(line: Line, pair: ParamAndBin, parameters: int) -> OperatorRow:
    output = line.outputs[0]
    return OperatorRow(
        kind=line.kind,
        name=output,
        shape=tuple(pair.shapes[output]),
        dtype="int8" if line.returns_integers else _float_type(pair),
        macs=_macs(line, pair.shapes),
        parameters=parameters,
        fused=FUSED.get(line.integer(9), "") if line.kind in (*CONVOLVING, "InnerProduct") else "",
        window=_window(line),
    )


def _float_type(pair: ParamAndBin) -> str:
    return "float16" if pair.computes_in_float16 else "float32"


def _macs(line: Line, shapes: Shapes) -> int:
    """Count multiply-accumulates: each weight once per position of the kernel."""
    output = shapes[line.outputs[0]]
    if line.kind in CONVOLVING:
        slid = shapes[line.inputs[0]] if line.kind.startswith("Deconvolution") else output
        return math.prod(slid[-2:]) * line.integer(6)
    if line.kind == "InnerProduct":
        return math.prod(output[:-1]) * line.integer(2)
    if line.kind == "MatMul":
        return math.prod(output) * shapes[line.inputs[0]][-1]
    return 0


def _window(line: Line) -> KernelWindow | None:
    """Return the window of a convolution or pool, or None."""
    if line.kind == "Pooling":
        return KernelWindow(
            (line.integer(11), line.integer(1)), (line.integer(12), line.integer(2))
        )  # fmt: skip
    if line.kind not in CONVOLVING:
        return None
    kernel, dilation, stride = (
        (line.integer(along_h), line.integer(along_w))
        for along_w, along_h in ((1, 11), (2, 12), (3, 13))
    )
    return KernelWindow(kernel, stride, dilation, line.integer(7, 1))
