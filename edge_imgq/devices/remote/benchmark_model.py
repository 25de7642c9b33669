"""LiteRT's `benchmark_model`: command-line flags, and parsing of its output.

Flags and lines are those of tflite/tools/benchmark in LiteRT's sources: `benchmark_model.cc`,
`benchmark_tflite_model.cc`, and of `StatWithPercentiles` in TensorFlow's stats_calculator.h.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_imgq.errors import UsageError
from edge_imgq.wording import did_you_mean

PROGRAM = "benchmark_model"

DELEGATES: dict[str, tuple[str, ...]] = {
    "xnnpack": ("--use_xnnpack=true",),
    "cpu": ("--use_xnnpack=false",),
    "gpu": ("--use_gpu=true",),
    "nnapi": ("--use_nnapi=true",),
}
"""Name → flags; a path names a delegate's library on the device, such as one for an NPU."""

ON_PROCESSOR = frozenset({"xnnpack", "cpu"})
"""Delegates whose integer kernels round as this host's do."""


def delegate_flags(delegate: str) -> tuple[str, ...]:
    """Return the flags of `benchmark_model` that select a delegate.

    Args:
        delegate: a key of DELEGATES; or, if it contains "/", the path of a delegate's library on
            the device, which is not checked.

    Raises:
        UsageError: it is neither.
    """
    if "/" in delegate:
        return (f"--external_delegate_path={delegate}",)
    if delegate not in DELEGATES:
        raise UsageError(
            f"There is no delegate '{delegate}'.{did_you_mean(delegate, DELEGATES)} There are "
            f"{', '.join(DELEGATES)}, and the path of a delegate's library on the device."
        )
    return DELEGATES[delegate]


def input_flags(shape: tuple[int, ...], values: str = "") -> tuple[str, ...]:
    """Return the flags of `benchmark_model` that state shape and values of the input "image".

    Args:
        shape: shape of the tensor, (1, H, W, C).
        values: path, on the device, of a file with its bytes; "" for random values.
    """
    flags = ("--input_layer=image", f"--input_layer_shape={','.join(map(str, shape))}")
    return (*flags, f"--input_layer_value_files=image:{values}") if values else flags


@dataclass(frozen=True)
class BenchmarkTimes:
    """Output of a timing run, in ms.

    Attributes:
        runs: counted calls.
        warm_up: calls before.
        fastest: fastest run, or None if not printed.
        median: median, or None from tools before 2024, which print only the average.
        p95: 95th percentile, or None from tools before 2024.
        average: mean over the runs.
        init: time to open the file until it can be called, or None if not printed.
    """

    runs: int
    warm_up: int
    fastest: float | None
    median: float | None
    p95: float | None
    average: float
    init: float | None


def read_timings(output: str) -> BenchmarkTimes | None:
    """Parse the times in the output of `benchmark_model`; return None if there are none.

    Times are converted from µs to ms. Figures that old versions do not print are None.
    """
    lines = [_numbers(line) for line in output.splitlines() if re.search(r"\bcount=\d", line)]
    if not lines or not lines[-1]["count"]:
        return None
    last = lines[-1]
    single = last["curr"] if "avg" not in last else None
    median, p95 = last.get("median", single), last.get("p95", single)
    fastest = last.get("min", single)
    init = re.search(r"Init: ([\d.e+]+)", output)
    return BenchmarkTimes(
        runs=int(last["count"]),
        warm_up=int(lines[0]["count"]) if len(lines) > 1 else 0,
        fastest=None if fastest is None else fastest / 1e3,
        median=None if median is None else median / 1e3,
        p95=None if p95 is None else p95 / 1e3,
        average=last.get("avg", last.get("curr", 0.0)) / 1e3,
        init=float(init[1]) / 1e3 if init else None,
    )


def read_peak_memory(output: str) -> float | None:
    """Parse the peak memory of the process in MB of 2^20 bytes; None if it was not printed.

    `output` is that of `benchmark_model` with --report_peak_memory_footprint.
    """
    match = re.search(r"Overall peak memory footprint \(MB\)[^:]*: ([\d.]+)", output)
    return float(match[1]) if match else None


def read_node_types(output: str) -> tuple[str, ...] | None:
    """Parse the types of the nodes that ran, in order; None if there is no table of them.

    `output` is that of `benchmark_model` with --enable_op_profiling. A delegate's partition is one
    node, whose type contains "Delegate".
    """
    _, _, regular = output.partition("Operator-wise Profiling Info for Regular Benchmark Runs")
    table = regular.partition("Delegate internal")[0].partition("Run Order")[2].partition("=====\n")
    rows: list[str] = []
    for line in table[2].splitlines():
        cells = [cell.strip() for cell in line.split("\t") if cell.strip()]
        if len(cells) < 8:
            if rows:
                break
            continue
        if cells[0] != "[node type]":
            rows.append(cells[0])
    return tuple(rows) or None


def is_delegate(node_type: str) -> bool:
    """Return True if a node's type is that of a delegate's partition: it contains "delegate"."""
    return "delegate" in node_type.lower()


def _numbers(line: str) -> dict[str, float]:
    """Return the pairs of a line such as `count=50 first=12 curr=11 p5=10 median=11 p95=13`."""
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+(?:e[+-]?\d+)?)", line)}
