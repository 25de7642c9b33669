"""Which operator of a file, and which kernel, a recorded span of instructions is.

XNNPACK begins each of its operators with one function, LiteRT each of its own with one whose name
says which it is. The wheels keep their symbols, so that every block has the name of its function.
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
"""Of LiteRT's wheel; it holds XNNPACK and LiteRT's own kernels."""

DELEGATED = "xnn_run_operator_with_index"
OWN = "_ZN6tflite3ops7builtin"
OF_A_NODE = "P13TfLiteContextP10TfLiteNode"
INNER = 300
"""Instructions below which one of LiteRT's functions has only called another for its operator."""


@dataclass(frozen=True)
class Beginning:
    """A function that an operator begins with.

    Attributes:
        address: from the library's beginning.
        own: LiteRT's word for the operator, e.g. "quantize"; empty for XNNPACK's.
    """

    address: int
    own: str


@dataclass(frozen=True)
class Library:
    """LiteRT's library.

    Attributes:
        symbols: of its functions.
        beginnings: of operators.
    """

    symbols: Symbols
    beginnings: tuple[Beginning, ...]


def read_library(site: Path) -> Library:
    """Return LiteRT's library in a folder of packages."""
    symbols = read_symbols(site / "ai_edge_litert" / LIBRARY)
    found = []
    for address, name in zip(symbols.addresses, symbols.names, strict=True):
        if name == DELEGATED:
            found.append(Beginning(address, ""))
        elif name.startswith(OWN) and name.endswith(OF_A_NODE) and "Eval" in name:
            words = readable(name).split("::")[3:]
            found.append(Beginning(address, words[0]))
    return Library(symbols, tuple(found))


def operator_costs(
    record: OperatorRecord,
    library: Library,
    base: int,
    names: Sequence[str],
    cycles: Sequence[int | None],
    levels: int,
) -> tuple[OperatorCost, ...]:
    """Return a row for each operator.

    Args:
        record: of one call, in which spans of one operator are joined.
        library: LiteRT's.
        base: address that it was loaded at.
        names: of the file's operators, in their order.
        cycles: of each span.
        levels: of caches.
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
    """Return the function that each span ran most instructions of, and how many."""
    functions = {
        number: library.symbols.at(block.address - base) or ELSEWHERE
        for number, block in record.blocks.items()
    }
    found = []
    for span in record.spans:
        counts: Counter[str] = Counter()
        for number, times in span.ran.items():
            counts[functions[number]] += times * len(record.blocks[number].words)
        found += counts.most_common(1)
    return found


def joined(record: OperatorRecord, library: Library) -> OperatorRecord:
    """Return a record in which functions that only called another are part of its operator."""
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
