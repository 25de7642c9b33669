"""Timing things in turn, so that a machine that slows down slows all of them down."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import numpy as np

WARM_UP = 2
LOADS = 3

Name = TypeVar("Name", bound=Hashable)


def take_turns(calls: Mapping[Name, Callable[[], None]], rounds: int) -> dict[Name, float]:
    """Return the median time of each call in milliseconds.

    Every round runs each call once, beginning with another one than the round before.
    """
    return _medians(_seconds(calls, rounds))


def take_turns_anew(
    load: Callable[[], Mapping[Name, Callable[[], None]]], rounds: int
) -> dict[Name, float]:
    """Return the median time in milliseconds of each call that `load` returns, loaded LOADS times.

    Where the tensors of a file come to lie in memory changes its time by some hundredths, for as
    long as it is loaded. Files that are alike differ by that, unless they are loaded several times.

    Args:
        load: returns the calls, made anew each time.
        rounds: of all loads together, at least.
    """
    times: dict[Name, list[float]] = {}
    for _ in range(LOADS):
        for name, seconds in _seconds(load(), -(-rounds // LOADS)).items():
            times.setdefault(name, []).extend(seconds)
    return _medians(times)


def _seconds(calls: Mapping[Name, Callable[[], None]], rounds: int) -> dict[Name, list[float]]:
    times: dict[Name, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(rounds + WARM_UP):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            calls[name]()
            if turn >= WARM_UP:
                times[name].append(time.perf_counter() - start)
    return times


def _medians(times: Mapping[Name, list[float]]) -> dict[Name, float]:
    return {name: float(np.median(seconds)) * 1e3 for name, seconds in times.items()}
