"""Instruction count of one call: a cost that is repeatable, unlike a time.

An emulated processor counts exactly (`plugin/`, a QEMU plugin). The count describes the kernels,
not the latency of a phone: it does not include caches, unit widths and clocks. It compares two
versions of a file, or two files, on one kind of processor.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.devices.arm64.operator_costs import OperatorCosts
from edge_imgq.skipped import Skipped

MARK = -20261122
"""An unused file descriptor; closing it writes the count to the emulator's log."""

BEGIN_RECORD, END_RECORD = MARK - 1, MARK - 2
"""Closing these begins and ends a record of operators."""

SOURCES = tuple(
    Path(__file__).parent / "plugin" / f"{name}.c"
    for name in ("instructions", "operators", "caches")
)


@dataclass(frozen=True)
class Instructions:
    """Instructions of one call of a file, on one thread.

    Attributes:
        count: number of instructions.
        size: height and width of the input.
        processor: processor whose instructions are counted.
        runtime: runtime, version and delegate.
    """

    count: int
    size: tuple[int, int]
    processor: str
    runtime: str


UNCOUNTED = Skipped("only an emulated processor counts its instructions (--device arm64)")


class Uncounted:
    """Mixin for sessions whose device does not count instructions."""

    def instructions(self, size: tuple[int, int]) -> Instructions | Skipped:  # noqa: ARG002
        """Return a `Skipped` that says why this device counts no instructions; nothing is run."""
        return UNCOUNTED

    def operators(self, size: tuple[int, int]) -> OperatorCosts | Skipped:  # noqa: ARG002
        """Return a `Skipped` that says why this device counts no operators; nothing is run."""
        return UNCOUNTED


def mark(which: int = MARK) -> None:
    """Make the emulator that runs this process write its count, or begin or end its record.

    `which` is MARK, BEGIN_RECORD or END_RECORD: a descriptor that is closed, which the emulator's
    plugin notices. Outside the emulator nothing happens.
    """
    with suppress(OSError):
        os.close(which)


def read_count(log: Path) -> int:
    """Return the number of instructions between the last two marks, minus the cost of a mark.

    Args:
        log: log of the emulator, one count per mark; the last three marks are two in a row, for the
            cost of a mark, and one after the work.

    Raises:
        ValueError: there are fewer marks.
        OSError: the log cannot be read.
    """
    first, second, third = map(int, log.read_text().split()[-3:])
    return third - second - (second - first)
