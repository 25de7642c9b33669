"""Symbol table of a 64-bit shared library: functions by address."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TABLE, DYNAMIC = 2, 11
"""Section types SHT_SYMTAB, which stripped libraries lack, and SHT_DYNSYM, for linking only."""

FUNCTION = 2
SYMBOL = np.dtype(
    [("name", "<u4"), ("info", "u1"), ("_", "u1"), ("section", "<u2"), ("at", "<u8"), ("n", "<u8")]
)
SECTION = np.dtype(
    [
        *(("name", "<u4"), ("kind", "<u4"), ("flags", "<u8"), ("at", "<u8"), ("offset", "<u8")),
        *(("size", "<u8"), ("link", "<u4"), ("info", "<u4"), ("align", "<u8"), ("entry", "<u8")),
    ]
)


@dataclass(frozen=True)
class Symbols:
    """Functions of a library.

    Attributes:
        addresses: their first addresses in ascending order, relative to the library's start.
        names: their symbols, in the same order.
    """

    addresses: tuple[int, ...]
    names: tuple[str, ...]

    def at(self, address: int) -> str:
        """Return the symbol of the function that holds an address; "" before the first function.

        Addresses are relative to the library's start. An address after the end of a function counts
        to it until the next one starts.
        """
        index = bisect_right(self.addresses, address) - 1
        return self.names[index] if index >= 0 else ""


def read_symbols(library: Path) -> Symbols:
    """Read the names and addresses of the functions that a library defines, from its symbol table.

    Local functions are among them if the library is not stripped.

    Args:
        library: an ELF file, 64-bit little-endian.

    Raises:
        ValueError: it has no symbol table, or is no such file.
        OSError: it cannot be read.
    """
    data = library.read_bytes()
    (offset,) = np.frombuffer(data, "<u8", 1, 0x28)
    (count,) = np.frombuffer(data, "<u2", 1, 0x3C)
    sections = np.frombuffer(data, SECTION, int(count), int(offset))
    kinds = list(sections["kind"])
    table = sections[kinds.index(TABLE if TABLE in kinds else DYNAMIC)]
    texts = sections[table["link"]]
    number = int(table["size"]) // SYMBOL.itemsize
    symbols = np.frombuffer(data, SYMBOL, number, int(table["offset"]))
    symbols = symbols[((symbols["info"] & 15) == FUNCTION) & (symbols["section"] != 0)]
    symbols = symbols[np.argsort(symbols["at"], kind="stable")]
    start = int(texts["offset"])
    begins = [start + int(name) for name in symbols["name"]]
    names = [data[begin : data.index(b"\0", begin)].decode() for begin in begins]
    return Symbols(tuple(map(int, symbols["at"])), tuple(names))


def readable(symbol: str) -> str:
    """Demangle a C++ symbol to its qualified name, without templates and parameters.

    "_ZN6tflite3ops4EvalEv" gives "tflite::ops::Eval". Only the leading plain components of a name
    are kept. Symbols that are not mangled are returned unchanged.
    """
    mangled = re.match(r"_ZL?(N[rVK]*)?L?(?=\d)", symbol)
    if mangled is None:
        return symbol
    at, words = mangled.end(), []
    while match := re.match(r"L?(\d+)", symbol[at:]):
        begin = at + match.end()
        at = begin + int(match[1])
        words.append(symbol[begin:at])
        if not mangled[1]:
            break
    return "::".join(word for word in words if not word.startswith("_GLOBAL_"))
