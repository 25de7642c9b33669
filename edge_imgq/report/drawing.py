"""Plain-text tables and numbers that fit terminals, logs and issue trackers."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table

WIDTH = 80
"""Maximum columns of text; longer lines would wrap in logs and narrow terminals."""

ABSENT = "—"
"""Placeholder of a value that was not measured."""


def new_table(*columns: str) -> Table:
    """Return an empty rich table without outer lines, to be filled with `add_row` and drawn.

    Args:
        columns: Headings; a leading ">" right-aligns the column.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        right = column.startswith(">")
        heading = column.removeprefix(">")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    return table


def plain_columns(count: int) -> Table:
    """Return an empty rich table of `count` columns without headings or lines."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(count):
        table.add_column(overflow="fold")
    return table


def draw(what: RenderableType) -> str:
    """Render a table or other rich object as text of at most 80 columns, without colour.

    Longer cells are folded. Lines have no trailing spaces, and there is no newline at the end.
    """
    stream = io.StringIO()
    console = Console(
        file=stream, width=WIDTH, color_system=None, force_terminal=False, highlight=False
    )
    console.print(what)
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().splitlines())


def wrapped(paragraph: str, indent: str = "") -> str:
    """Wrap a paragraph at 80 columns; words are never broken, so a longer one stands out.

    Args:
        paragraph: Text; line breaks in it become spaces.
        indent: Beginning of all lines but the first.
    """
    import textwrap

    return textwrap.fill(
        paragraph, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def folded(name: str, width: int, indent: str = "") -> str:
    """Wrap a tensor or operator name in lines of at most `width` characters, between its words.

    Words end after ".", "_", "/", ":", "×" or "-", and before "+" or a camel-case capital. A word
    longer than a line is broken.

    Args:
        name: Name without spaces.
        width: Maximum characters per line, the indent included.
        indent: Indent of later lines.
    """
    lines = [""]
    for word in WORDS.split(name):
        room = width - len(lines[-1])
        if len(word) > room and lines[-1].strip():
            lines.append(indent)
            room = width - len(indent)
        while len(word) > room:
            lines[-1] += word[:room]
            word = word[room:]
            lines.append(indent)
            room = width - len(indent)
        lines[-1] += word
    return "\n".join(lines)


WORDS = re.compile(r"(?<=[._/:×-])(?=[^._/:×-])|(?=\+)|(?<=[a-z])(?=[A-Z])")
"""Word boundaries in a name: after ".", "_", "/", ":", "×" or "-", before "+" or a camel-case
capital."""


def byte_count(count: int) -> str:
    """Format a number of bytes with decimal units: 999 B, 57 kB, 1.2 MB; 1 kB is 1000 B."""
    if count < 1000:
        return f"{count} B"
    if count < 999_500:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.1f} MB"


def packed(bytes_alive: int, arena: int) -> str:
    """Return "; packed they take 57 kB" for an arena; "" if both sizes read alike.

    Args:
        bytes_alive: Bytes of the tensors alive at the peak.
        arena: Bytes of one block that holds all tensors.
    """
    said = byte_count(arena)
    return "" if said == byte_count(bytes_alive) else f"; packed they take {said}"


def large_count(count: int) -> str:
    """Format a count with three significant digits and a unit: 12.5 k, 1.2 M, 3.45 G.

    Counts below 1000 are exact.
    """
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return str(count)


def by(lengths: Sequence[int | str]) -> str:
    """Join the dimensions of a shape or window with "×": 1×180×320×3."""
    return "×".join(map(str, lengths))


def milliseconds(value: float) -> str:
    """Format a time in ms with three significant digits: 35.2; integers from 100 on: 1230.

    Below 0.1 there are three decimals, which are microseconds; more would be noise. The unit is
    left out.
    """
    if value < 0.1:
        return f"{value:.3f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def listed(values: Sequence[str]) -> str:
    """Join words with commas: "a, b, c"; "" for none."""
    return ", ".join(values)
