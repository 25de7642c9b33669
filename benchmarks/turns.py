"""Timing things in turn, so that a machine that slows down slows all of them down."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import numpy as np

WARM_UP = 2

Name = TypeVar("Name", bound=Hashable)


def take_turns(calls: Mapping[Name, Callable[[], None]], rounds: int) -> dict[Name, float]:
    """Return the median time of each call in milliseconds.

    Every round runs each call once, beginning with another one than the round before.
    """
    times: dict[Name, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(rounds + WARM_UP):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            calls[name]()
            if turn >= WARM_UP:
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(seconds)) * 1e3 for name, seconds in times.items()}
