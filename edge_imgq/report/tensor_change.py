"""Sentence on the first tensor of a graph that differs from the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest

from edge_imgq.wording import count_of


def tensor_change(graph: str, known: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return a clause on the tensors of a graph that differ from the baseline; "" if none does.

    It counts them and says what differs in the first. Tensors that are gone are named only if no
    other differs.

    Args:
        graph: Name of the graph in the clause.
        known: Line per tensor of the baseline, by name (`edge_imgq.graph.tensor_digests`).
        now: Line per current tensor, by name, in execution order.
    """
    others = [name for name, line in now.items() if known.get(name) != line]
    gone = [name for name in known if name not in now]
    if not others:
        return f"{graph}: {count_of(len(gone), 'tensor')} less, '{gone[0]}' first" if gone else ""
    first = others[0]
    what = (
        ", ".join(_differing_fields(known[first], now[first])) if first in known else "which is new"
    )
    of_all = f"{len(others)} of {count_of(len(now), 'tensor')}"
    return f"{graph}: {of_all} not as in the baseline, the first is '{first}': {what}"


def _differing_fields(known: str, now: str) -> Iterator[str]:
    """Yield the differing fields of two lines; a changed digest is named, not printed."""
    for old, new in zip_longest(known.split("; "), now.split("; "), fillvalue="nothing"):
        if old != new:
            word, _, digest = new.rpartition(" ")
            yield f"other {word}" if digest.startswith("#") else f"{new} (was {old})"
