"""Assigns recorded spans of instructions to operators and kernels of a file.

XNNPACK starts each operator in the same function, LiteRT starts each of its own in a function whose
name tells the type. The wheels keep their symbols, so the function of every block is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.devices.arm64.elf_symbols import Symbols, read_symbols, readable
from edge_imgq.devices.arm64.kernel_names import ELSEWHERE, names_of_kernels
from edge_imgq.devices.arm64.operator_costs import LINE, OperatorCost
from edge_imgq.devices.arm64.operator_record import OperatorRecord, OperatorSpan

LIBRARY = "libpywrap_litert_common.so"
"""Shared library of LiteRT's wheel, which contains XNNPACK and LiteRT's own kernels."""

DELEGATED = "xnn_run_operator_with_index"
OWN = "_ZN6tflite3ops7builtin"
OF_A_NODE = "P13TfLiteContextP10TfLiteNode"
INNER = 300
"""Instructions below which a function of LiteRT only called another one for the same operator."""


@dataclass(frozen=True)
class Beginning:
    """A function that starts operators.

    Attributes:
        address: relative to the start of the library.
        own: LiteRT's name of the operator, such as "quantize"; "" for XNNPACK's.
    """

    address: int
    own: str


@dataclass(frozen=True)
class Library:
    """LiteRT's shared library for Arm: which function is at an address, and which start operators.

    Attributes:
        symbols: names of all functions that it defines, by address.
        beginnings: its functions that start operators, in ascending order of address; an operator
            record refers to them by index.
    """

    symbols: Symbols
    beginnings: tuple[Beginning, ...]


def read_library(site: Path) -> Library:
    """Read the symbols of LiteRT's library; nothing of it is loaded or run.

    Args:
        site: site-packages folder of the emulated Python, with `ai_edge_litert` in it.

    Raises:
        OSError: the library is not there.
        ValueError: the file has no symbol table, or is no 64-bit little-endian ELF file.
    """
    symbols = read_symbols(site / "ai_edge_litert" / LIBRARY)
    beginnings = []
    for address, name in zip(symbols.addresses, symbols.names, strict=True):
        if name == DELEGATED:
            beginnings.append(Beginning(address, ""))
        elif name.startswith(OWN) and name.endswith(OF_A_NODE) and "Eval" in name:
            words = readable(name).split("::")[3:]
            beginnings.append(Beginning(address, words[0]))
    return Library(symbols, tuple(beginnings))


def operator_costs(
    record: OperatorRecord,
    library: Library,
    base: int,
    names: Sequence[str],
    cycles: Sequence[int | None],
    levels: int,
) -> tuple[OperatorCost, ...]:
    """Return the costs of each recorded operator, in the order in which they ran.

    Each is named by the file's operator if the two sequences match, else by LiteRT's own name for
    it, and has the function with most of its instructions as its kernel. Cache lines become bytes.

    Args:
        record: record of one call, as returned by `joined`.
        library: symbols of LiteRT's library.
        base: address at which it was loaded.
        names: operators of the file, in order, each beginning with its TFLite type.
        cycles: estimated cycles of each span, or None.
        levels: number of cache levels.
    """
    kernels = _kernels(record, library, base)
    named = names_of_kernels(names, [kernel for kernel, _ in kernels])
    own = [library.beginnings[span.begins].own.upper() for span in record.spans]
    return tuple(
        OperatorCost(
            operator=named[index] if named else own[index],
            kernel=readable(kernels[index][0]),
            share=kernels[index][1] / span.instructions,
            instructions=span.instructions,
            cycles=cycles[index],
            loaded=span.loaded,
            stored=span.stored,
            touched=span.lines * LINE,
            misses=span.misses[:levels],
            fetched=span.fetched * LINE,
            written=span.written * LINE,
        )
        for index, span in enumerate(record.spans)
    )


def _kernels(record: OperatorRecord, library: Library, base: int) -> list[tuple[str, int]]:
    """Return the function with most instructions of each span, and their number."""
    functions = {
        number: library.symbols.at(block.address - base) or ELSEWHERE
        for number, block in record.blocks.items()
    }
    largest = []
    for span in record.spans:
        counts: Counter[str] = Counter()
        for number, times in span.ran.items():
            counts[functions[number]] += times * len(record.blocks[number].words)
        largest += counts.most_common(1)
    return largest


def joined(record: OperatorRecord, library: Library) -> OperatorRecord:
    """Return a record in which each operator of LiteRT has one span.

    A span of fewer than 300 (INNER) instructions before another of the same operator only called
    it; both are merged, and their instructions, bytes and misses added. `record` is not changed.
    """
    spans: list[OperatorSpan] = []
    for span in record.spans:
        own = library.beginnings[span.begins].own
        last = spans[-1] if spans else span
        is_inner = own == library.beginnings[last.begins].own and last.instructions < INNER
        if spans and own and is_inner:
            spans[-1] = _sum(last, span)
        else:
            spans.append(span)
    return OperatorRecord(tuple(spans), record.blocks)


def _sum(first: OperatorSpan, second: OperatorSpan) -> OperatorSpan:
    ran = Counter(first.ran) + Counter(second.ran)
    one, two, three = (a + b for a, b in zip(first.misses, second.misses, strict=True))
    return OperatorSpan(
        second.begins,
        first.instructions + second.instructions,
        first.loaded + second.loaded,
        first.stored + second.stored,
        first.lines + second.lines,
        (one, two, three),
        first.fetched + second.fetched,
        first.written + second.written,
        dict(ran),
        second.pieces,
    )
