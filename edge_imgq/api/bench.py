"""`edge_imgq.bench`: time of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import AnyPath, Progress, Size, as_paths, as_size, unwatched

if TYPE_CHECKING:
    from edge_imgq.bench.timing import Timing


@dataclass(frozen=True)
class Timings:
    """Times of files, in the order of the devices and files.

    Attributes:
        timings: one for each file, size and device.
        exit_code: what the command line exits with: see `errors.code_of_not_run`; 5 where one of
            several files is damaged.
    """

    timings: tuple[Timing, ...] = field(repr=False)
    exit_code: int

    def __iter__(self) -> Iterator[Timing]:
        """Go through the timings."""
        return iter(self.timings)

    def __len__(self) -> int:
        """Return how many there are."""
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
    """Time files: median and 90th percentile of one call, and whether the machine was quiet.

    Args:
        paths: as for `verify`.
        device: where, one name or several; a file without an honest time there has the reason.
        delegate: on a phone or board; as for `verify`.
        benchmark_model: likewise.
        threads: processor threads.
        runs: calls to count; a slow file gets fewer, never below 10.
        size: height and width, for files that take several; None for their own.
        sustained: seconds to go on for in rounds; 0 for one round.
        memory: whether to measure what memory the runtime needs, in a process of its own.
        operators: whether to count what each operator takes, on an emulated Arm core.
        progress: called with every step before it begins.

    Raises:
        UsageError: there is no such path or device, or a network does not take that size.
        ModelError: the one file is not whole.
    """
    from edge_imgq.api.device_options import device_options
    from edge_imgq.bench.timing import TimingRequest
    from edge_imgq.pipeline.bench import bench as run
    from edge_imgq.pipeline.exported_files import exported_files

    files = exported_files(as_paths(paths))
    options = device_options(delegate, benchmark_model)
    wanted = None if size is None else as_size(size)
    request = TimingRequest(threads, runs, wanted, sustained, memory, operators)
    found: list[Timing] = []
    worst = 0
    for name in [device] if isinstance(device, str) else device:
        timings, code = run(files, name, options, request, progress or unwatched)
        found += timings
        worst = max(worst, code)
    return Timings(tuple(found), worst)
