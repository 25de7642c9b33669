"""Text table of the instructions, cycles and memory traffic of operators on an Arm core."""

from __future__ import annotations

from edge_imgq.devices.arm64.operator_costs import LINE, OperatorCost, OperatorCosts
from edge_imgq.report.drawing import (
    ABSENT,
    byte_count,
    draw,
    folded,
    large_count,
    new_table,
    wrapped,
)
from edge_imgq.skipped import Skipped

KERNEL = 36
"""Columns at which kernel names are folded."""

PLAIN = ("xnn_", "_ukernel", "_minmax", "_fp32", "tflite::")
"""Substrings of nearly all kernel names, which are removed."""

LEGEND = (
    "share: of the cycles, or else of the instructions; touched: lines of 64 bytes that the "
    "operator reads or writes, each once; memory: what passes between the last cache and memory"
)


def operator_cost_table(file: str, costs: OperatorCosts) -> str:
    """Return the operators of a file on an Arm core as a text table, with totals and a legend.

    Columns are instructions, estimated compute cycles, share of the cycles or else of the
    instructions, bytes touched, and bytes between the last cache and memory.

    Args:
        file: Name of the file.
        costs: Costs of its operators for one image.
    """
    height, width = costs.size
    where = f"{file} at {height}x{width} on one {costs.processor}, {costs.runtime}"
    table = new_table("operator and kernel", ">instr.", ">cycles", ">share", ">touched", ">memory")
    for row in costs.operators:
        named = f"{row.operator or ABSENT}\n{folded('  ' + _kernel(row), KERNEL, '  ')}"
        table.add_row(named, large_count(row.instructions), *_figures(row, costs))
    table.add_row(
        "all",
        large_count(costs.instructions),
        ABSENT if costs.total_cycles is None else large_count(costs.total_cycles),
        "",
        byte_count(sum(row.touched for row in costs.operators)),
        byte_count(costs.memory_bytes),
    )
    notes = [LEGEND, _cycles(costs), _caches(costs)]
    return "\n\n".join(
        [wrapped(where), draw(table), "\n".join(wrapped(note, "  ") for note in notes)]
    )


def _figures(row: OperatorCost, costs: OperatorCosts) -> tuple[str, ...]:
    if costs.total_cycles and row.cycles is not None:
        cycles, share = large_count(row.cycles), row.cycles / costs.total_cycles
    else:
        cycles, share = ABSENT, row.instructions / costs.instructions
    moved = byte_count(row.fetched + row.written)
    return cycles, f"{share:.1%}", byte_count(row.touched), moved


def _kernel(row: OperatorCost) -> str:
    name = row.kernel
    for substring in PLAIN:
        name = name.replace(substring, "")
    return name


def _cycles(costs: OperatorCosts) -> str:
    if isinstance(costs.cycles, Skipped):
        return f"no cycles: {costs.cycles.reason}"
    return f"cycles: compute alone, estimated; caches and memory are not in them ({costs.cycles})"


def _caches(costs: OperatorCosts) -> str:
    """Return the size of each modelled cache, and the bytes that all operators miss in it."""
    missed = [sum(level) * LINE for level in zip(*(r.misses for r in costs.operators), strict=True)]
    said = ", ".join(
        f"{size // 1024} KB miss {byte_count(lines)}"
        for size, lines in zip(costs.caches, missed, strict=True)
    )
    return f"caches, modelled as in a {costs.chip}, without prefetching: {said}"
