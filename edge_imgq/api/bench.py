"""`edge_imgq.bench`: measure the latency of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import AnyPath, Progress, Size, as_paths, as_size, unwatched

if TYPE_CHECKING:
    from edge_imgq.bench.timing import Timing


@dataclass(frozen=True)
class Timings:
    """Latencies of files, ordered by device, then by file.

    Attributes:
        timings: one for each file, size and device.
        exit_code: exit code of the command line (`errors.code_of_not_run`); 5 if one of several
            files is damaged.
    """

    timings: tuple[Timing, ...] = field(repr=False)
    exit_code: int

    def __iter__(self) -> Iterator[Timing]:
        """Iterate over the timings."""
        return iter(self.timings)

    def __len__(self) -> int:
        """Return the number of timings."""
        return len(self.timings)

    def __str__(self) -> str:
        """Return the table that the command line prints."""
        from edge_imgq.report.timing_table import timing_table

        return timing_table(self.timings)

    def _repr_html_(self) -> str:
        from edge_imgq.report.notebook import timings_html

        return timings_html(self.timings)


def bench(
    paths: AnyPath | Iterable[AnyPath],
    *,
    device: str | Iterable[str] = "host",
    delegate: str = "xnnpack",
    benchmark_model: AnyPath | None = None,
    threads: int = 1,
    runs: int = 100,
    size: Size | None = None,
    sustained: float = 0.0,
    memory: bool = False,
    operators: bool = False,
    progress: Progress | None = None,
) -> Timings:
    """Measure the latency of files: median and 90th percentile of one call, and background load.

    Args:
        paths: files, folders of files, a folder of several models, or results of `export`.
        device: name of the device, or several; a file whose time there would be meaningless gets
            the reason instead.
        delegate: on a phone or board: "xnnpack", "cpu", "gpu", "nnapi", or a library there.
        benchmark_model: path of LiteRT's benchmark program for the phone or board.
        threads: processor threads.
        runs: timed calls per file; slow files get fewer, but at least 10.
        size: input (height, width) for files that take several; None for the file's default.
        sustained: seconds of repeated rounds, to show throttling; 0 for a single round.
        memory: True to measure the runtime's memory in bytes, in a separate process.
        operators: True to count the cost of each operator on an emulated Arm core.
        progress: called before each step.

    Returns:
        Times in ms, one entry for each file, size and device; iterate over it.

    Raises:
        UsageError: a path or device does not exist, or a network does not take the size.
        ModelError: the only file is damaged.
    """
    from edge_imgq.api.device_options import device_options
    from edge_imgq.bench.timing import TimingRequest
    from edge_imgq.pipeline.bench import bench as run
    from edge_imgq.pipeline.exported_files import exported_files

    files = exported_files(as_paths(paths))
    options = device_options(delegate, benchmark_model)
    wanted = None if size is None else as_size(size)
    request = TimingRequest(threads, runs, wanted, sustained, memory, operators)
    timings: list[Timing] = []
    worst = 0
    for name in [device] if isinstance(device, str) else device:
        timed, code = run(files, name, options, request, progress or unwatched)
        timings += timed
        worst = max(worst, code)
    return Timings(tuple(timings), worst)
