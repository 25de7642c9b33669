"""Messages on stderr."""

from __future__ import annotations

import os
import sys
import textwrap

NAME = "edge-imgq"
"""Prefix of every message, which tells its origin in a log."""


def say(sentence: str) -> None:
    """Print a message on stderr with the prefix "edge-imgq: ", wrapped to a terminal's width.

    Without a terminal each line stays whole, because logs are searched line by line.

    Args:
        sentence: one or more lines, each with its own indentation.
    """
    text = f"{NAME}: {sentence}"
    if sys.stderr.isatty():
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        text = "\n".join(_folded(line, width) for line in text.splitlines())
    print(text, file=sys.stderr)


def _folded(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    # A terminal of unknown width reports 0 columns, and wraps by itself.
    return textwrap.fill(
        line.strip(),
        width or len(line) + 1,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
