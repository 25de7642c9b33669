"""Timing in turns, on sessions whose calls take what the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, cycle, repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge_imgq.devices import stopwatch
from edge_imgq.devices.cpu_speed import LoopTimes
from edge_imgq.devices.load import Load
from edge_imgq.devices.stopwatch import ENOUGH, ROUNDS, Stopwatch, relative_range, time_in_turns
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


class Probe:
    """A probe whose loops take what the test says, over and over."""

    def __init__(self, loops: Iterable[float]) -> None:
        self._loops = iter(loops)

    def measure(self) -> LoopTimes:
        loop = next(self._loops)
        return LoopTimes(loop, loop, loop)


EVEN = LoopTimes(1.0, 1.0, 1.0)
SOME = range(10_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock, on a machine that nobody else uses."""
    found = Clock()
    monkeypatch.setattr(stopwatch, "load", lambda before, after: Load(0.0))
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: found.now)
    return found


def test_warming_up_goes_on_until_a_file_settles(clock: Clock) -> None:
    falling = chain((0.03,) * 5, (0.02,) * 5, repeat(0.01))
    watch = Stopwatch(clock.session("a", falling), (4, 4))
    watch.warm(5)
    watch.round(10, Probe(repeat(1.0)))
    found = watch.latency(Load(0.0), EVEN)
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


@pytest.mark.parametrize(("call", "runs"), [(0.001, 30), (0.02, 30), (0.3, 5), (5.0, 1)])
def test_a_limit_on_all_calls_holds_but_for_one_to_warm_up_and_one_that_counts(
    clock: Clock, call: float, runs: int
) -> None:
    watch = Stopwatch(clock.session("a", repeat(call)), (4, 4))
    (found,) = time_in_turns([watch], 30, seconds=2.0)
    assert clock.now <= max(2.0 + call, 2 * call)
    assert found.runs == runs
    assert found.warm_up >= 1


def test_one_run_is_one_round_and_has_no_noise(clock: Clock) -> None:
    (found,) = time_in_turns([Stopwatch(clock.session("a", repeat(0.01)), (4, 4))], 1, 1)
    assert found.runs == 1
    assert isinstance(found.noise, Skipped)


def test_noise_is_how_far_rounds_lie_apart(clock: Clock) -> None:
    slower = chain(repeat(0.010, 10), repeat(0.013, 1000))
    watch = Stopwatch(clock.session("a", slower), (4, 4))
    watch.round(20, Probe(repeat(1.0)))
    found = watch.latency(Load(0.0), EVEN)
    assert found.noise == pytest.approx(3 / 11.5)
    assert found.disturbed
    assert "the medians of fifths of its runs lie 26% apart" in found.conditions
    assert relative_range(np.array([2.0, 2.1, 1.9, 2.0, 2.0])) == pytest.approx(0.1)


def test_calls_beside_slow_loops_do_not_count(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of thirty calls twenty meet a shared processor: they take 15 instead of 12 ms, loops 1.6."""
    shared = cycle([*[False] * 10, *[True] * 20])
    at: list[bool] = [next(shared)]

    def seconds() -> Iterator[float]:
        while True:
            now, at[0] = at[0], next(shared)
            yield 0.015 if now else 0.012

    monkeypatch.setattr(stopwatch, "SpeedProbe", lambda: Probe(1.6 if at[0] else 1.0 for _ in SOME))
    (found,) = time_in_turns([Stopwatch(clock.session("a", seconds()), (4, 4))], 120, 0)
    assert (found.median_ms, found.p90_ms) == (pytest.approx(12), pytest.approx(12))
    assert (found.runs, found.left_out) == (36, 84)  # the call before a change has a slow end
    assert not found.disturbed
    assert "runs do not count" in found.conditions
    assert found.loop_ms == pytest.approx(1000)


def test_more_calls_are_made_until_enough_count(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopwatch, "SpeedProbe", lambda: Probe(cycle([1.0, 1.0, *[1.6] * 8])))
    (found,) = time_in_turns([Stopwatch(clock.session("a", repeat(0.01)), (4, 4))], 50, 0)
    assert found.runs + found.left_out > 50
    assert 10 <= found.runs <= ENOUGH


def test_a_time_without_enough_undisturbed_calls_is_disturbed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all looks six are fast, at the beginning; all calls count, and it is said."""
    monkeypatch.setattr(stopwatch, "SpeedProbe", lambda: Probe([*[1.0] * 6, *(1.6 for _ in SOME)]))
    (found,) = time_in_turns([Stopwatch(clock.session("a", repeat(0.011)), (4, 4))], 40, 0)
    assert found.disturbed
    assert found.left_out == 0
    assert f"in {found.runs - 5} of {found.runs} runs its processor was slowed" in found.conditions
    assert "took 1.60 times as long" in found.conditions


def test_looking_for_more_calls_ends(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopwatch, "SpeedProbe", lambda: Probe([*[1.0] * 2, *(1.6 for _ in SOME)]))
    (found,) = time_in_turns([Stopwatch(clock.session("a", repeat(1.0)), (4, 4))], 40, 0)
    assert found.runs == 10
