"""Timing in turn."""

from __future__ import annotations

import time
from functools import partial

from benchmarks.turns import LOADS, WARM_UP, take_turns, take_turns_anew


def test_every_round_runs_each_call_once_and_begins_with_another() -> None:
    ran: list[str] = []
    take_turns({name: partial(ran.append, name) for name in "abc"}, rounds=4)
    rounds = ["".join(ran[i : i + 3]) for i in range(0, len(ran), 3)]
    assert rounds == ["abc", "bca", "cab", "abc", "bca", "cab"][: WARM_UP + 4]


def test_the_medians_are_milliseconds() -> None:
    times = take_turns({"short": partial(time.sleep, 0.001), "long": partial(time.sleep, 0.02)}, 3)
    assert 1 <= times["short"] < times["long"]
    assert times["long"] >= 20


def test_files_are_loaded_anew_and_the_median_is_that_of_all_their_calls() -> None:
    """Loaded at a slow place first, a call is as fast as in most of its loads."""
    ran: list[int] = []
    loads = iter([0.03, *[0.002] * (LOADS - 1)])

    def call(seconds: float) -> None:
        ran.append(1)
        time.sleep(seconds)

    times = take_turns_anew(lambda: {"file": partial(call, next(loads))}, rounds=7)
    assert len(ran) == LOADS * (-(-7 // LOADS) + WARM_UP)
    assert 2 <= times["file"] < 30
