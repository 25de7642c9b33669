"""What each operator of a file takes on an Arm core: instructions, bytes, and estimated cycles.

Counts are exact and repeat. Misses are those of a model of the core's caches (`plugin/caches.c`).
Cycles are what llvm-mca estimates from the core's tables: the work of its units, with every value
in the first-level cache. None of this is a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.skipped import Skipped

LINE = 64
"""Bytes that move between caches and memory at once."""


@dataclass(frozen=True)
class OperatorCost:
    """One operator of one call.

    Attributes:
        operator: what the file calls it; empty where the runtime's could not be matched to the
            file's.
        kernel: the function that most of its instructions are of, by the library's symbol.
        share: of the operator's instructions that are of the kernel.
        instructions: of the operator.
        cycles: estimated; None where nothing estimates them.
        loaded: bytes that instructions read.
        stored: bytes that instructions write.
        touched: bytes of the lines that it reads or writes, each counted once.
        misses: lines that each level of the caches lacks, the first level first.
        fetched: bytes from memory.
        written: bytes to memory.
    """

    operator: str
    kernel: str
    share: float
    instructions: int
    cycles: int | None
    loaded: int
    stored: int
    touched: int
    misses: tuple[int, ...]
    fetched: int
    written: int


@dataclass(frozen=True)
class OperatorCosts:
    """All operators of one call of a file, on one thread, after a call that warmed the caches.

    Attributes:
        processor: the core.
        size: height and width of the input.
        runtime: runtime, version and delegate.
        caches: bytes of each level of the core's caches.
        chip: a phone chip with these.
        cycles: whose tables the cycles are estimated with, or why there are none.
        operators: in the order of execution.
    """

    processor: str
    size: tuple[int, int]
    runtime: str
    caches: tuple[int, ...]
    chip: str
    cycles: str | Skipped
    operators: tuple[OperatorCost, ...]

    @property
    def instructions(self) -> int:
        """Instructions of all operators."""
        return sum(row.instructions for row in self.operators)

    @property
    def total_cycles(self) -> int | None:
        """Cycles of all operators; None where nothing estimates them."""
        if isinstance(self.cycles, Skipped):
            return None
        return sum(row.cycles or 0 for row in self.operators)

    @property
    def memory_bytes(self) -> int:
        """Bytes from and to memory."""
        return sum(row.fetched + row.written for row in self.operators)
