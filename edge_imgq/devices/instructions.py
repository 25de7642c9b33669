"""How many instructions a processor executes for one image: a cost that repeats, unlike a time.

An emulated processor counts them exactly (`plugin/`, a plugin of QEMU). A count says what the
kernels do, not how long a phone takes for it: caches, widths of units and clocks are not in it. It
compares two versions of one file, or two files, on one kind of processor.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.devices.arm64.operator_costs import OperatorCosts
from edge_imgq.skipped import Skipped

MARK = -20261122
"""A file descriptor that nobody has; closing it writes the count to the emulator's log."""

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
        count: of them.
        size: height and width of the input.
        processor: whose instructions they are.
        runtime: runtime, version and delegate.
    """

    count: int
    size: tuple[int, int]
    processor: str
    runtime: str


UNCOUNTED = Skipped("an emulated processor alone counts its instructions (--device arm64)")


class Uncounted:
    """The part of a session that says that its device does not count instructions."""

    def instructions(self, size: tuple[int, int]) -> Instructions | Skipped:  # noqa: ARG002
        """Return why nothing is counted."""
        return UNCOUNTED

    def operators(self, size: tuple[int, int]) -> OperatorCosts | Skipped:  # noqa: ARG002
        """Return why no operator is counted."""
        return UNCOUNTED


def mark(which: int = MARK) -> None:
    """Have the emulator write its count, or begin or end its record."""
    with suppress(OSError):
        os.close(which)


def read_count(log: Path) -> int:
    """Return the instructions between the last two marks, less what a mark itself takes.

    Args:
        log: of the emulator; its last three marks are two in a row, the work, and another.

    Raises:
        ValueError: there are fewer.
    """
    first, second, third = map(int, log.read_text().split()[-3:])
    return third - second - (second - first)
