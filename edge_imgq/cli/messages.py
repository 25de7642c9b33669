"""Sentences on standard error."""

from __future__ import annotations

import os
import sys
import textwrap

NAME = "edge-imgq"
"""Stands before every sentence, so that a log says who wrote it."""


def say(sentence: str) -> None:
    """Print what a person should know on stderr.

    Lines are folded at the width of a terminal. Where stderr is none, each stays whole: logs wrap
    by themselves, and what searches them looks line by line.

    Args:
        sentence: or several lines, each with its own indentation.
    """
    text = f"{NAME}: {sentence}"
    if sys.stderr.isatty():
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        text = "\n".join(_folded(line, width) for line in text.splitlines())
    print(text, file=sys.stderr)


def _folded(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    # A terminal may say that it has no columns: then nobody knows, and it folds by itself.
    return textwrap.fill(
        line.strip(),
        width or len(line) + 1,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
