"""Timing in turns, on sessions whose calls take what the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from edge_imgq.devices import stopwatch
from edge_imgq.devices.load import Load
from edge_imgq.devices.stopwatch import ROUNDS, Stopwatch, spread, time_in_turns
from edge_imgq.runtime.protocol import RuntimeIdentity
from edge_imgq.skipped import Skipped


class Clock:
    """A clock that stands still but for the calls of the sessions below."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def session(self, name: str, seconds: Iterator[float]) -> Any:
        def call() -> None:
            self.now += next(seconds)
            self.calls.append(name)

        def prepare(size: tuple[int, int]) -> Callable[[], None]:
            return call

        identity = RuntimeIdentity("LiteRT", "2", "XNNPACK", 1)
        return SimpleNamespace(identity=identity, prepare=prepare)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: found.now)
    return found


def test_warming_up_goes_on_until_a_file_settles(clock: Clock) -> None:
    falling = chain((0.03,) * 5, (0.02,) * 5, repeat(0.01))
    watch = Stopwatch(clock.session("a", falling), (4, 4))
    watch.warm(5)
    watch.round(10)
    found = watch.latency(Load(0.0))
    assert found.warm_up == 20  # 30, 20, 10 and once more 10 ms, five calls each
    assert (found.min_ms, found.median_ms) == (pytest.approx(10), pytest.approx(10))


def test_a_file_that_never_settles_is_warm_after_a_second(clock: Clock) -> None:
    growing = (0.01 * 1.2**number for number in range(1000))
    watch = Stopwatch(clock.session("a", growing), (4, 4))
    watch.warm(5)
    assert 1.0 < clock.now < 1.3


def test_files_take_turns_and_each_gets_its_runs(clock: Clock) -> None:
    watches = [
        Stopwatch(clock.session(name, repeat(seconds)), (4, 4))
        for name, seconds in (("a", 0.001), ("b", 0.002))
    ]
    first, second = time_in_turns(watches, runs=12, warm_up=2)
    assert (first.runs, second.runs) == (12, 12)
    assert (first.median_ms, second.median_ms) == (pytest.approx(1), pytest.approx(2))
    turns = "".join(name for name, after in zip(clock.calls, [*clock.calls[1:], ""], strict=True)
                    if name != after)  # fmt: skip
    assert turns == "ab" * (1 + ROUNDS)


def test_a_slow_file_is_timed_ten_times_and_no_more(clock: Clock) -> None:
    (found,) = time_in_turns([Stopwatch(clock.session("a", repeat(3.0)), (4, 4))], 100, 5)
    assert (found.runs, found.warm_up) == (10, 1)


def test_one_run_is_one_round_and_has_no_noise(clock: Clock) -> None:
    (found,) = time_in_turns([Stopwatch(clock.session("a", repeat(0.01)), (4, 4))], 1, 1)
    assert found.runs == 1
    assert isinstance(found.noise, Skipped)


def test_noise_is_how_far_rounds_lie_apart(clock: Clock) -> None:
    slower = chain(repeat(0.010, 10), repeat(0.013, 1000))
    watch = Stopwatch(clock.session("a", slower), (4, 4))
    watch.round(10)
    watch.round(10)
    found = watch.latency(Load(0.0))
    assert found.noise == pytest.approx(3 / 11.5)
    assert found.disturbed
    assert "the medians of its rounds lie 26% apart" in found.conditions
    assert spread([2.0, 2.1, 1.9], 2.0) == pytest.approx(0.1)
