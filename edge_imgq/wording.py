"""Words of messages: how many of a thing, and what a word that is not known may have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

NEAR = 0.6
"""Ratio of `difflib.SequenceMatcher` from which a word may be another one misspelt."""

GUESSES = 3
"""More words than this are not offered: what so many are like was not meant to be one of them."""


def count_of(number: int, noun: str) -> str:
    """Return "1 image", "2 images" and so on, for a noun whose plural ends in s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def nodes_in_words(nodes: Iterable[tuple[str, str]]) -> list[str]:
    """Return a phrase for each kind of operator: "Erf 'a'", "ScatterND (96 nodes, first 'b')".

    Args:
        nodes: kind and name of each, in the order of the graph.
    """
    names: dict[str, list[str]] = {}
    for kind, name in nodes:
        names.setdefault(kind, []).append(name)
    return [
        f"{kind} '{found[0]}'"
        if len(found) == 1
        else f"{kind} ({len(found)} nodes, first '{found[0]}')"
        for kind, found in names.items()
    ]


def no_such(kind: str, word: str, known: Collection[str]) -> str:
    """Return sentences that say that a word names nothing, what is near to it, and what there is.

    Args:
        kind: of the thing, e.g. "device".
        word: that is not known.
        known: the words that are.
    """
    return f"There is no {kind} '{word}'.{did_you_mean(word, known)} There are {', '.join(known)}."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question that names the known word nearest to one, or those that are equally near.

    Args:
        word: that is not known.
        known: the words that are.

    Returns:
        " Did you mean 'fsrcnn-x2'?", with the space before it; empty where none is near.
    """
    from difflib import SequenceMatcher

    names = list(known)
    family = f"{word.lower().partition('-')[0]}-"
    shared = family if all(f"{name}-".lower().startswith(family) for name in names) else ""

    def own_part(name: str) -> str:
        # What all begin with, dashes of options among it, makes none of them like another.
        return name.lower().removeprefix(shared).lstrip("-")

    def likeness(name: str) -> float:
        return SequenceMatcher(None, own_part(word), own_part(name)).ratio()

    ratios = {name: likeness(name) for name in names}
    best = max(ratios.values(), default=0.0)
    nearest = [name for name, ratio in ratios.items() if ratio == best]
    if best < NEAR or len(nearest) > GUESSES:
        return ""
    *others, last = (f"'{name}'" for name in nearest)
    return f" Did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
