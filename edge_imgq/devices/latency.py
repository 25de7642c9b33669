"""A latency with the conditions under which it was measured."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class Latency:
    """Latency of one call of a file, without reading or writing pixels.

    Attributes:
        min_ms: fastest run, in ms.
        median_ms: median over the runs, in ms.
        p90_ms: 90th percentile, in ms.
        p95_ms: 95th percentile, in ms; phone tools print only this one.
        noise: range of the medians of fifths of the runs, relative to the median.
        init_ms: time to open the file until it can be called, in ms.
        memory_mb: peak memory of the process in MB of 2^20 bytes.
        runs: counted calls.
        left_out: calls not counted because a fixed loop beside them was slow; 0 on a phone.
        warm_up: uncounted calls before.
        loop_ms: fastest time of the fixed loop (`edge_imgq.devices.cpu_speed`), in ms; different
            values on one machine mean different clocks, or other load.
        threads: CPU threads.
        size: height and width of the input.
        device: the machine, e.g. "host: AMD EPYC, Linux x86_64".
        runtime: runtime and version, with the delegate in brackets.
        delegate: delegate that ran the operators, e.g. "XNNPACK"; empty if there is only one.
        thermal: temperature or thermal state, in words.
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
