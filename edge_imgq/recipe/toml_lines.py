"""Find the line of each key of a TOML file, which Python's reader does not tell."""

from __future__ import annotations

import re
from collections.abc import Mapping

TomlPath = tuple[str | int, ...]
"""Keys from the root to a value; an index from 0 after the key of an array of tables."""

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?")
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=(.*)", re.DOTALL)
_QUOTES = ('"""', "'''")


def key_lines(text: str) -> Mapping[TomlPath, int]:
    """Return the line, counted from 1, of every table and key of a TOML file that starts a line.

    Keys of inline tables are not among them. A line of an array that looks like a header is taken
    for one, which only misplaces the keys after it.

    Args:
        text: contents of a valid TOML file.
    """
    lines: dict[TomlPath, int] = {}
    table: TomlPath = ()
    counts: dict[TomlPath, int] = {}
    until = ""
    for number, line in enumerate(text.splitlines(), 1):
        if until:
            until = "" if until in line else until
        elif header := _HEADER.fullmatch(line):
            table = _keys(header[2])
            if header[1] == "[[":
                lines.setdefault(table, number)
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            lines.setdefault(table, number)
        elif entry := _ENTRY.fullmatch(line):
            lines.setdefault((*table, *_keys(entry[1])), number)
            until = next((mark for mark in _QUOTES if entry[2].count(mark) == 1), "")
    return lines


def _keys(dotted: str) -> TomlPath:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))
