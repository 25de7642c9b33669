"""Word messages: plurals, lists of nodes, and suggestions for misspelt names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

NEAR = 0.6
"""Least ratio of `difflib.SequenceMatcher` at which a name is suggested for an unknown word."""

GUESSES = 3
"""Suggest nothing if more names than this are equally similar."""


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun: "1 image", "2 images". The plural must be formed by an s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def nodes_in_words(nodes: Iterable[tuple[str, str]]) -> list[str]:
    """Return one phrase per operator type: "Erf 'a'", "ScatterND (96 nodes, first 'b')".

    Types are in the order of their first nodes.

    Args:
        nodes: operator type and name of each node, in graph order.
    """
    names: dict[str, list[str]] = {}
    for kind, name in nodes:
        names.setdefault(kind, []).append(name)
    return [
        f"{kind} '{own[0]}'" if len(own) == 1 else f"{kind} ({len(own)} nodes, first '{own[0]}')"
        for kind, own in names.items()
    ]


def no_such(kind: str, word: str, known: Collection[str]) -> str:
    """Return sentences that reject an unknown name, suggest a similar one and list all known ones.

    Args:
        kind: noun for the message, e.g. "device".
        word: unknown name.
        known: known names.
    """
    return f"There is no {kind} '{word}'.{did_you_mean(word, known)} There are {', '.join(known)}."


def did_you_mean(word: str, known: Iterable[str], before: str = "") -> str:
    """Return a question that suggests the known names most similar to an unknown one.

    Case and a first word that all names share are ignored. Several equally similar names are all
    suggested, up to three (GUESSES); more are no suggestion.

    Args:
        word: unknown name.
        known: known names.
        before: text to put before each suggested name, such as the folder of files.

    Returns:
        " Did you mean 'fsrcnn-x2'?", with a leading space; empty if no name is similar enough.
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
    *others, last = (f"'{before}{name}'" for name in nearest)
    return f" Did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
