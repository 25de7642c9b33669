"""The model card of a bundle, and the data sets that it names with their terms."""

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


@dataclass(frozen=True)
class DataSet:
    """Data that a network learnt from.

    Attributes:
        name: of the set.
        images: how many, in words.
        used_for: training or validation, in words.
        terms: of its use, as its publishers state them.
    """

    name: str
    images: str
    used_for: str
    terms: str


def data_sets(card: str) -> tuple[DataSet, ...]:
    """Return the rows of the table below the heading "Data" of a model card, in Markdown.

    The table has four columns: set, images, used for, terms. None where there is none.
    """
    _, _, after = card.partition("\n## Data\n")
    section = after.partition("\n## ")[0]
    rows = [line.strip().strip("|").split("|") for line in section.splitlines() if "|" in line]
    whole = [row for row in rows[2:] if len(row) == len(rows[0]) == 4]
    return tuple(DataSet(*(cell.strip() for cell in row)) for row in whole)
