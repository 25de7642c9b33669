"""Markdown form of verdicts, for a pull request comment or the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from edge_imgq.report.baseline_comparison import COLUMNS, SYMBOLS, BaselineComparison
from edge_imgq.report.verdict_table import change_lines, headline, reasons_by_target

MAX_CHARACTERS = 60_000
"""Maximum characters. GitHub accepts 65,536 in a comment, and the workflow appends a link."""


@dataclass(frozen=True)
class MarkdownImage:
    """A picture in Markdown: its caption, and its address relative to the text.

    Attributes:
        caption: Plain text, which is escaped.
        address: Path or address, which is percent-encoded.
    """

    caption: str
    address: str


def markdown(comparison: BaselineComparison, pictures: Sequence[MarkdownImage] = ()) -> str:
    """Return verdicts as Markdown: headline, a row per target, notes, reasons and changes.

    Names and sentences are escaped. Text beyond 60,000 characters is cut from the end, where the
    pictures are; a last line counts the lines that were left out.

    Args:
        comparison: Verdicts and values.
        pictures: Pictures to link at the end.
    """
    verdicts = comparison.verdicts
    lines = [f"### {SYMBOLS[comparison.outcome]} {headline(verdicts)}", ""]
    lines += [
        _row(("model", "target", "verdict", *COLUMNS)),
        "|---|---|---|" + "--:|" * len(COLUMNS),
    ]
    for verdict in verdicts:
        words = f"{SYMBOLS[verdict.outcome]} {verdict.outcome}"
        lines.append(_row((verdict.model, verdict.target, words, *comparison.cells(verdict))))
    for note in comparison.notes:
        lines += ["", _plain(note)]
    for heading, reasons in reasons_by_target(verdicts).items():
        lines += ["", f"**{_plain(heading)}**", "", *_items(reasons)]
    if changes := change_lines(verdicts):
        lines += ["", "**changed since the baseline**", "", *_items(changes)]
    for picture in pictures:
        words = _plain(picture.caption)
        lines += ["", f"{words}\n\n![{words}]({quote(picture.address)})"]
    return _cut(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _items(lines: Iterable[str]) -> list[str]:
    return [f"- {_plain(line)}" for line in lines]


def _plain(text: str) -> str:
    """Escape Markdown and collapse whitespace; "@" is broken so that GitHub notifies nobody."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", " ".join(text.split()))
    return escaped.replace("@", "@<!-- -->")


def _cut(lines: list[str]) -> str:
    """Join lines up to `MAX_CHARACTERS` characters; a last line counts those left out."""
    length, kept = 0, list[str]()
    for line in lines:
        length += len(line) + 1
        if length > MAX_CHARACTERS:
            kept += ["", f"… and {len(lines) - len(kept)} lines more, in the report."]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"
