"""Drawing tables as plain text that fits a terminal, a log and an issue alike."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table

WIDTH = 80
"""Columns of text; more would wrap in a piped log or a narrow terminal."""

ABSENT = "—"
"""Stands where nothing was measured; the reason is listed below the table."""


def new_table(*columns: str) -> Table:
    """Return an empty table.

    Args:
        columns: headings; one that begins with ">" is of figures, set to the right.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        right = column.startswith(">")
        heading = column.removeprefix(">")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    return table


def plain_columns(count: int) -> Table:
    """Return an empty table of `count` columns without headings or lines."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(count):
        table.add_column(overflow="fold")
    return table


def draw(what: RenderableType) -> str:
    """Return a table, or what else rich draws, as text of at most WIDTH columns, without colour."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=WIDTH, color_system=None, force_terminal=False, highlight=False
    )
    console.print(what)
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().splitlines())


def wrapped(paragraph: str, indent: str = "") -> str:
    """Return a paragraph folded at WIDTH; its second and later lines are indented."""
    import textwrap

    return textwrap.fill(
        paragraph, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def folded(name: str, width: int, indent: str = "") -> str:
    """Return a name in lines of at most `width`, cut between its words.

    A word ends behind one of the signs that names of tensors and operators are put together with,
    or before a capital that follows a small letter. One that is wider than a line is cut.

    Args:
        name: without spaces.
        width: columns.
        indent: of the second and later lines; it counts.
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
"""Where one word of a name ends and the next begins."""


def byte_count(count: int) -> str:
    """Return a size in words: 57 kB, 1.2 MB."""
    if count < 1000:
        return f"{count} B"
    if count < 999_500:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.1f} MB"


def packed(bytes_alive: int, arena: int) -> str:
    """Return what packing adds to tensors that are alive at once; empty for nothing."""
    said = byte_count(arena)
    return "" if said == byte_count(bytes_alive) else f"; packed they take {said}"


def large_count(count: int) -> str:
    """Return a count in words: 12.5 k, 1.20 M, 3.45 G."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return str(count)


def by(lengths: Sequence[int | str]) -> str:
    """Return the lengths of a shape or window in words: 1×180×320×3."""
    return "×".join(map(str, lengths))


def milliseconds(value: float) -> str:
    """Return a time with three digits, or all before the point, at most three behind: 35.2, 1230.

    Thousandths are a microsecond; finer digits are noise, and too wide for a table.
    """
    if value < 0.1:
        return f"{value:.3f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def listed(values: Sequence[str]) -> str:
    """Return words with commas between them."""
    return ", ".join(values)
