"""Reads what an emulator recorded of a call, operator by operator (`plugin/operators.c`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_imgq.errors import DeviceError

ORDER, RECORD = "order", "record"
OUTSIDE = -1


@dataclass(frozen=True)
class Block:
    """A basic block: instructions that run one after the other.

    Attributes:
        address: address of the first instruction.
        words: the instructions, each as eight hexadecimal digits.
    """

    address: int
    words: tuple[str, ...]


@dataclass
class OperatorSpan:
    """What ran between the start of one operator and that of the next.

    Attributes:
        begins: index of the operator's first function in the order; OUTSIDE for other code.
        instructions: number of instructions.
        loaded: bytes read.
        stored: bytes written.
        lines: cache lines touched.
        misses: cache lines missing in each of three levels.
        fetched: cache lines read from memory.
        written: cache lines written to memory.
        ran: number of executions by block number.
        pieces: samples of the instruction stream, each as a sequence of block numbers.
    """

    begins: int
    instructions: int
    loaded: int
    stored: int
    lines: int
    misses: tuple[int, int, int]
    fetched: int
    written: int
    ran: dict[int, int] = field(default_factory=dict)
    pieces: list[tuple[int, ...]] = field(default_factory=list)


@dataclass(frozen=True)
class OperatorRecord:
    """What an emulator recorded of one call.

    Attributes:
        spans: operators in the order in which they ran.
        blocks: basic blocks by number.
    """

    spans: tuple[OperatorSpan, ...]
    blocks: dict[int, Block]


def write_order(
    folder: Path,
    beginnings: Sequence[int],
    outside: tuple[int, int],
    caches: Iterable[tuple[int, int]],
) -> None:
    """Write the file that tells the emulator's plugin what to record, before the first call.

    Args:
        folder: folder that the plugin was given.
        beginnings: absolute addresses of the functions that start operators.
        outside: first address of code that belongs to no operator, and the address after its last.
        caches: bytes and associativity of each cache level, first level first.

    Raises:
        OSError: the file cannot be written.
    """
    lines = [f"begin {address:x}" for address in beginnings]
    lines.append(f"outside {outside[0]:x} {outside[1]:x}")
    lines += [f"cache {size} {ways}" for size, ways in caches]
    (folder / ORDER).write_text("\n".join(lines) + "\n")


def read_record(folder: Path) -> OperatorRecord:
    """Return what the emulator recorded of the second of two calls, operator by operator.

    The first call only warms the caches. The basic blocks are those of both calls.

    Args:
        folder: folder that the plugin was given, as for `write_order`.

    Raises:
        DeviceError: nothing was recorded, or the two calls ran different operators.
    """
    try:
        text = (folder / RECORD).read_text()
    except OSError as error:
        raise DeviceError("The emulator recorded no operators.") from error
    spans: list[OperatorSpan] = []
    blocks: dict[int, Block] = {}
    for line in text.splitlines():
        what, *words = line.split()
        if what == "block":
            number, address, code = int(words[0]), int(words[1], 16), words[2]
            digits = tuple(code[at : at + 8] for at in range(0, len(code), 8))
            blocks[number] = Block(address, digits)
        elif what == "operator":
            begins, *counts = map(int, words)
            made, loaded, stored, lines, first, second, last, fetched, written = counts
            misses = (first, second, last)
            spans.append(
                OperatorSpan(begins, made, loaded, stored, lines, misses, fetched, written)
            )
        elif what == "ran":
            spans[-1].ran[int(words[0])] = int(words[1])
        else:
            spans[-1].pieces.append(tuple(map(int, words)))
    return OperatorRecord(_second_call(spans), blocks)


def _second_call(spans: Sequence[OperatorSpan]) -> tuple[OperatorSpan, ...]:
    inside = [span for span in spans if span.begins != OUTSIDE]
    count = len(inside) // 2
    first, second = inside[:count], inside[count:]
    if not count or [span.begins for span in first] != [span.begins for span in second]:
        raise DeviceError("Two calls of the file ran different operators, or none were recorded.")
    return tuple(second)
