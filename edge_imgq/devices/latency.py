"""A time, and everything that it holds for."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class Latency:
    """Time of one call of a file, without reading or writing pixels.

    Attributes:
        min_ms: the fastest run.
        median_ms: over the runs.
        p90_ms: ninetieth percentile.
        p95_ms: ninety-fifth percentile; tools on a phone print this one alone.
        noise: how far the medians of fifths of the runs lie apart, as a share of the median.
        init_ms: from opening the file until it can be called.
        memory_mb: peak memory of the process in MB of 2^20 bytes.
        runs: counted calls.
        left_out: calls that do not count, because a fixed loop beside them was slow; 0 on a phone.
        warm_up: calls before, not counted.
        loop_ms: the fastest that this loop was (`edge_imgq.devices.cpu_speed`); times of one
            machine at different ones were taken at different clocks, or beside other work.
        threads: processor threads.
        size: height and width of the input.
        device: the machine, e.g. "host: AMD EPYC, Linux x86_64".
        runtime: runtime and version, with the delegate in brackets.
        delegate: what executed the operators, e.g. "XNNPACK"; empty where there is only one way.
        thermal: temperature, or thermal state, in words.
        conditions: load of a host, temperature and battery of a phone, in words.
        disturbed: whether the conditions make the figure doubtful.
    """

    min_ms: float | Skipped
    median_ms: float
    p90_ms: float | Skipped
    p95_ms: float | Skipped
    noise: float | Skipped
    init_ms: float | Skipped
    memory_mb: float | Skipped
    runs: int
    left_out: int
    warm_up: int
    loop_ms: float | Skipped
    threads: int
    size: tuple[int, int]
    device: str
    runtime: str
    delegate: str
    thermal: str | Skipped
    conditions: str
    disturbed: bool = False
