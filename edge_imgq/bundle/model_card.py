"""Read the data sets, with their terms of use, from the model card of a bundle."""

from __future__ import annotations

from dataclasses import dataclass

FILE = "MODEL_CARD.md"

NO_CARD = """\
# {model}

Nobody wrote a card for this model. Before you ship it, find out what it was trained on and under
which terms; then bundle it again with `--card FILE`.

## Data

| set | images | used for | terms |
|---|---|---|---|
| not stated | not stated | training | not stated |
"""

NO_DATA = (
    "{card} has no table of data sets, so bom.json names none: write a heading '## Data', and "
    "below it a table of four columns: set, images, used for, terms."
)
"""Remark on a user's model card without data sets."""


@dataclass(frozen=True)
class DataSet:
    """A data set that a network was trained or validated on.

    Attributes:
        name: name of the set.
        images: number of images, in words.
        used_for: training or validation, in words.
        terms: terms of use as stated by its publishers.
    """

    name: str
    images: str
    used_for: str
    terms: str


def data_sets(card: str) -> tuple[DataSet, ...]:
    """Parse the table below the heading "## Data" of a Markdown model card, one data set per row.

    The table has four columns: set, images, used for, terms. Rows with another number of cells are
    left out; () if there is no such table.
    """
    _, _, after = card.partition("\n## Data\n")
    section = after.partition("\n## ")[0]
    rows = [line.strip().strip("|").split("|") for line in section.splitlines() if "|" in line]
    whole = [row for row in rows[2:] if len(row) == len(rows[0]) == 4]
    return tuple(DataSet(*(cell.strip() for cell in row)) for row in whole)
