"""Verdicts as Markdown, for a comment on a pull request or the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from edge_imgq.report.baseline_comparison import COLUMNS, SYMBOLS, BaselineComparison
from edge_imgq.report.verdict_table import change_lines, headline, reasons_by_target

MOST = 60_000
"""Characters; GitHub takes 65 536 in a comment, and the workflow adds a link."""


@dataclass(frozen=True)
class MarkdownImage:
    """A picture that Markdown shows: what it shows, and where it lies as seen from the text."""

    caption: str
    address: str


def markdown(comparison: BaselineComparison, pictures: Sequence[MarkdownImage] = ()) -> str:
    """Return the result, a row for each target, every reason, what changed, and pictures.

    Where not all of it fits, pictures are left out first.
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
    """Return text that Markdown shows as it stands, and that mentions nobody."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", " ".join(text.split()))
    return escaped.replace("@", "@<!-- -->")


def _cut(lines: list[str]) -> str:
    """Return lines as long as there is room, and how many there was none for."""
    length, kept = 0, list[str]()
    for line in lines:
        length += len(line) + 1
        if length > MOST:
            kept += ["", f"… and {len(lines) - len(kept)} lines more, in the report."]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"
