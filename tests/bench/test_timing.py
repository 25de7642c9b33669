"""Rounds of times, on a session whose calls get slower by a known factor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_imgq.bench import timing
from edge_imgq.bench.timing import DEFAULT_SIZE, TimingRequest, time_file, time_on_host
from edge_imgq.devices.host import HostDevice, measure
from edge_imgq.devices.latency import Latency
from edge_imgq.skipped import Skipped

SIZE = (48, 64)


@pytest.fixture
def file(shared_export: Path) -> Path:
    return shared_export / "tflite-int8.tflite"


def test_one_round_is_timed_unless_more_is_asked_for(file: Path) -> None:
    (found,) = time_file(file, HostDevice(), TimingRequest(1, 10, SIZE))
    assert isinstance(found.latency, Latency)
    assert isinstance(found.sustained, Skipped)
    assert isinstance(found.footprint, Skipped)
    assert not isinstance(found.memory, Skipped)


def test_a_file_of_any_size_is_timed_at_that_of_the_file_beside_it(file: Path) -> None:
    open_file = file.with_name("onnx-int8.onnx")
    request = TimingRequest(1, 5, None)
    rows = time_on_host([open_file, file], HostDevice(), request, {})
    assert [row.latency.size for row in rows if isinstance(row.latency, Latency)] == [SIZE, SIZE]
    (alone,) = time_on_host([open_file], HostDevice(), request, {})
    assert isinstance(alone.latency, Latency)
    assert alone.latency.size == DEFAULT_SIZE


def test_a_device_that_throttles_is_seen(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first round sees the file as it is, every later one twice as slow as the one before."""
    from edge_imgq.devices import host

    rounds = []

    def throttled(*words: object, **names: object) -> Latency:
        rounds.append(1)
        real = measure(*words, **names)  # type: ignore[arg-type]
        object.__setattr__(real, "median_ms", 2.0 ** len(rounds))
        return real

    monkeypatch.setattr(host, "measure", throttled)
    (found,) = time_file(file, HostDevice(), TimingRequest(1, 10, SIZE, sustained=0.2))
    sustained = found.sustained
    assert not isinstance(sustained, Skipped)
    assert len(sustained.medians_ms) == len(rounds) >= 2
    assert sustained.medians_ms[:2] == (2.0, 4.0)
    assert sustained.slowdown == 2.0 ** (len(rounds) - 1)
    assert sustained.seconds >= 0.2


def test_a_device_without_honest_times_has_no_rounds_either() -> None:
    reason = Skipped("an emulator")
    request = TimingRequest(1, 10, None, sustained=5)
    session: Callable[[], None] = lambda: None  # noqa: E731
    assert timing.time_sustained(session, SIZE, request, reason) is reason  # type: ignore[arg-type]
