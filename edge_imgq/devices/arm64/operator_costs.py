"""Costs of each operator of a file on an Arm core: instructions, bytes and estimated cycles.

Instructions and bytes are exact and repeatable. Cache misses are those of a cache model
(`plugin/caches.c`). Cycles are estimated by llvm-mca from the core's scheduling model, with every
value in the first-level cache. None of this is a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.skipped import Skipped

LINE = 64
"""Size of a cache line in bytes."""


@dataclass(frozen=True)
class OperatorCost:
    """Costs of one operator of one call.

    Attributes:
        operator: its name in the file; "" if the runtime's operator could not be matched.
        kernel: function with most of its instructions, as a qualified name.
        share: fraction of the operator's instructions in that function, 0 to 1.
        instructions: number of instructions.
        cycles: estimated cycles; None without an estimate.
        loaded: bytes that instructions read.
        stored: bytes that instructions write.
        touched: bytes of the cache lines that are read or written, each counted once.
        misses: cache lines missing in each level, first level first.
        fetched: bytes read from memory.
        written: bytes written to memory.
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
    """Costs of all operators of one call, on one thread, with caches warmed by an earlier call.

    Attributes:
        processor: name of the core.
        size: height and width of the input.
        runtime: runtime, version and delegate.
        caches: bytes of each level of the core's caches.
        chip: phone chip with these caches.
        cycles: the scheduling model behind the cycles, in words, or why there are none.
        operators: in execution order.
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
        """Number of instructions of all operators together."""
        return sum(row.instructions for row in self.operators)

    @property
    def total_cycles(self) -> int | None:
        """Estimated cycles of all operators together; None without llvm-mca.

        Operators without an estimate of their own count 0.
        """
        if isinstance(self.cycles, Skipped):
            return None
        return sum(row.cycles or 0 for row in self.operators)

    @property
    def memory_bytes(self) -> int:
        """Bytes that all operators together read from and write to memory, by the cache model."""
        return sum(row.fetched + row.written for row in self.operators)
