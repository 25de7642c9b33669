"""Timing in turn."""

from __future__ import annotations

import time
from functools import partial

from benchmarks.turns import WARM_UP, take_turns


def test_every_round_runs_each_call_once_and_begins_with_another() -> None:
    ran: list[str] = []
    take_turns({name: partial(ran.append, name) for name in "abc"}, rounds=4)
    rounds = ["".join(ran[i : i + 3]) for i in range(0, len(ran), 3)]
    assert rounds == ["abc", "bca", "cab", "abc", "bca", "cab"][: WARM_UP + 4]


def test_the_medians_are_milliseconds() -> None:
    times = take_turns({"short": partial(time.sleep, 0.001), "long": partial(time.sleep, 0.02)}, 3)
    assert 1 <= times["short"] < times["long"]
    assert times["long"] >= 20
