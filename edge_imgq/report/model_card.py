"""Rendering of a model card, which is Markdown, for a terminal."""

from __future__ import annotations

import textwrap

from edge_imgq.report.drawing import WIDTH, draw

FENCE = "```"


def card_text(card: str) -> str:
    """Return a model card as text of at most 80 columns, without colour.

    Long commands are broken with backslashes, so that they can be copied and run.

    Args:
        card: Markdown source of the card.
    """
    from rich.markdown import Markdown

    return draw(Markdown(_with_short_commands(card), hyperlinks=False))


def _with_short_commands(card: str) -> str:
    """Break long commands of a card with backslashes, so that they can be copied and run."""
    lines, is_command = [], False
    for line in card.splitlines():
        if line.startswith(FENCE):
            is_command = not is_command
        lines.append(_folded(line) if is_command else line)
    return "\n".join(lines)


def _folded(command: str) -> str:
    lines = textwrap.wrap(
        command,
        WIDTH - len("  \\ "),
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return " \\\n".join(lines)
