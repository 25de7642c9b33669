"""Timing in turn."""

from __future__ import annotations

from functools import partial

import pytest

from benchmarks import turns
from benchmarks.turns import LOADS, WARM_UP, take_turns, take_turns_anew


def test_every_round_runs_each_call_once_and_begins_with_another() -> None:
    ran: list[str] = []
    take_turns({name: partial(ran.append, name) for name in "abc"}, rounds=4)
    rounds = ["".join(ran[i : i + 3]) for i in range(0, len(ran), 3)]
    assert rounds == ["abc", "bca", "cab", "abc", "bca", "cab"][: WARM_UP + 4]


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def spend(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(turns, "time", found)
    return found


def test_the_medians_are_milliseconds(clock: Clock) -> None:
    times = take_turns(
        {"short": partial(clock.spend, 0.001), "long": partial(clock.spend, 0.02)}, 3
    )
    assert times == {"short": pytest.approx(1), "long": pytest.approx(20)}


def test_files_are_loaded_anew_and_the_median_is_that_of_all_their_calls(clock: Clock) -> None:
    """Loaded at a slow place first, a call is as fast as in most of its loads."""
    ran: list[int] = []
    loads = iter([0.03, *[0.002] * (LOADS - 1)])

    def call(seconds: float) -> None:
        ran.append(1)
        clock.spend(seconds)

    times = take_turns_anew(lambda: {"file": partial(call, next(loads))}, rounds=7)
    assert len(ran) == LOADS * (-(-7 // LOADS) + WARM_UP)
    assert times["file"] == pytest.approx(2)
