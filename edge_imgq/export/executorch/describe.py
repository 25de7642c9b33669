"""Description and memory plan of a .pte file."""

from __future__ import annotations

import math
from functools import partial
from importlib.metadata import version
from pathlib import Path

from edge_imgq.artifact import size_of
from edge_imgq.report.description import FileDescription, KernelWindow, OperatorRow, TensorRow
from edge_imgq.runtime.executorch_file import XNNPACK, Call, ProgramFile, read_program
from edge_imgq.runtime.memory import MemoryPlan, PlannedOperator, known_memory
from edge_imgq.runtime.placement.rules import AcceleratorPlacement, OperatorSupport

CONVOLVING = ("Conv2d", "DepthwiseConv2d", "ConvTranspose2d", "aten::convolution")


def describe(path: Path) -> FileDescription:
    """Describe a .pte file at its exported size: ports, operators, parameters, MACs and bytes.

    Operators are those of XNNPACK, whose convolutions state (N, H, W, C), and of the portable
    kernels. `placements` says which of them the file delegates to XNNPACK.

    Raises:
        ModelError: the file is missing or damaged.
        RuntimeUnavailableError: the package executorch is not installed.
    """
    file = read_program(path)
    read = {name for call in file.calls for name in call.reads}
    constants = [v.array for n, v in file.values.items() if v.data is not None and n in read]
    rows = tuple(_row(call, file) for call in file.calls)
    return FileDescription(
        format="ExecuTorch",
        inputs=tuple(map(partial(_edge, file), _input_names(file), file.images)),
        outputs=tuple(map(partial(_edge, file), _output_names(file), file.results)),
        operators=rows,
        parameters=sum(array.size for array in constants),
        zeros=sum(int((array == 0).sum()) for array in constants),
        macs=sum(row.macs for row in rows),
        bytes=size_of(path),
        memory=known_memory(path),
        note=file.note,
        placements=(_placed(file),),
    )


def memory_plan(path: Path) -> MemoryPlan:
    """List a file's operators in execution order, and the sizes in bytes of all its values.

    Sizes are of the file's own types, constants included.

    Raises:
        ModelError: the file is missing or damaged.
        RuntimeUnavailableError: the package executorch is not installed.
    """
    file = read_program(path)
    operators = tuple(PlannedOperator(call.kind, call.reads, call.writes) for call in file.calls)
    sizes = {name: value.bytes for name, value in file.values.items()}
    return MemoryPlan(operators, sizes, file.images, file.results, file.size)


def _placed(file: ProgramFile) -> AcceleratorPlacement:
    """Return the operators that the export delegated to XNNPACK."""
    left = OperatorSupport(False, "left to portable kernels")
    verdicts = tuple(OperatorSupport(True) if c.unit == XNNPACK else left for c in file.calls)
    basis = f"written in the file by ExecuTorch {version('executorch')}"
    return AcceleratorPlacement(XNNPACK, basis, True, verdicts, file.partitions)


def _input_names(file: ProgramFile) -> tuple[str, ...]:
    """Return display names of the inputs, which the program only numbers."""
    return ("image", *(port.name for port in file.note.contract.further))


def _output_names(file: ProgramFile) -> tuple[str, ...]:
    """Return display names of the outputs, which the program only numbers."""
    return ("result", *(port.name for port in file.note.contract.others))


def _edge(file: ProgramFile, word: str, name: str) -> TensorRow:
    value = file.values[name]
    return TensorRow(word, value.shape, value.dtype)


def _row(call: Call, file: ProgramFile) -> OperatorRow:
    output = file.values[call.writes[0]]
    constants = [v for name in call.reads if (v := file.values[name]).data is not None]
    return OperatorRow(
        kind=call.kind,
        name=call.writes[0],
        shape=output.shape,
        dtype=output.dtype,
        macs=_macs(call, file),
        parameters=sum(math.prod(value.shape) for value in constants),
        fused=_fused(call),
        window=_window(call),
    )


def _macs(call: Call, file: ProgramFile) -> int:
    """Count multiply-accumulates: each weight once per position of the kernel."""
    shapes = [file.values[name].shape for name in call.reads]
    output = file.values[call.writes[0]].shape
    if call.kind in CONVOLVING:
        slid = shapes[0] if call.kind == "ConvTranspose2d" else output
        positions = slid[-2:] if call.kind == "aten::convolution" else slid[1:3]
        return math.prod(positions) * math.prod(shapes[1])
    if call.kind in ("BatchMatrixMultiply", "FullyConnected", "aten::mm", "aten::bmm"):
        return math.prod(output) * shapes[0][-1]
    return 0


def _fused(call: Call) -> str:
    """Return the fused clipping of an XNNPACK operator, "" for none."""
    low, high = call.options.get("output_min", -math.inf), call.options.get("output_max", math.inf)
    if low == 0 and math.isinf(high):
        return "ReLU"
    return "" if math.isinf(low) and math.isinf(high) else "Clip"


def _window(call: Call) -> KernelWindow | None:
    """Return the window of an XNNPACK convolution or pool, or None."""
    o = call.options
    if "kernel_height" in o:
        return KernelWindow(
            (o["kernel_height"], o["kernel_width"]),
            (o["subsampling_height"], o["subsampling_width"]),
            (o["dilation_height"], o["dilation_width"]),
            o["groups"],
        )
    if "pooling_height" in o:
        return KernelWindow(
            (o["pooling_height"], o["pooling_width"]), (o["stride_height"], o["stride_width"])
        )
    return None
