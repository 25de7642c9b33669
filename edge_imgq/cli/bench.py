"""`edge-imgq bench`: time files on this host or on another device."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from edge_imgq.cli.argument_types import positive, size
from edge_imgq.cli.history import add_history, keep
from edge_imgq.cli.options import (
    Subparsers,
    add_command,
    add_device,
    add_json,
    add_paths,
    add_threads,
    benchmark_model,
)
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.errors import UsageError

DETAILS = """\
Time exported files on this host or on a device: median and 90th percentile of one call, without
reading or writing pixels, and whether other programs disturbed the measurement. Files whose time
would mean nothing (in an evaluator or emulator) are listed with the reason. Exits with 7 if a
device is missing or runs none of the files, and with 5 if one of several files is damaged."""

EXAMPLE = """\
edge-imgq bench artifacts/fsrcnn-x2 --threads 2
edge-imgq bench old/tflite-int8.tflite new/tflite-int8.tflite --runs 100
edge-imgq bench artifacts/fsrcnn-x2 --device android
edge-imgq bench artifacts/fsrcnn-x2 --device arm64:cortex-a76 --operators"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq bench` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "bench", "time files on this host or on a device", DETAILS, EXAMPLE
    )
    add_paths(parser)
    add_threads(parser, default=1)
    parser.add_argument(
        "--runs",
        type=positive,
        default=100,
        metavar="N",
        help="calls to time (default 100); fewer for slow files, but at least 10; up to three "
        "times as many if other programs disturb them",
    )
    parser.add_argument(
        "--size",
        type=size,
        metavar="HxW",
        help="input height and width, for files that take several (default: their own)",
    )
    _add_measurements(parser)
    add_history(parser)
    add_device(parser)
    add_json(parser)


def _add_measurements(parser: argparse.ArgumentParser) -> None:
    """Add options for further measurements, or for estimates instead of them."""
    parser.add_argument(
        "--sustained",
        type=positive,
        default=0,
        metavar="SECONDS",
        help="repeat rounds of calls for this long, and compare the last with the first",
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help="also measure the memory that the runtime needs, in a separate process on this host",
    )
    parser.add_argument(
        "--operators",
        action="store_true",
        help="on an emulated Arm core, also show each operator's kernel, instructions and bytes, "
        "and, if llvm-mca 22 is installed, estimated cycles",
    )
    parser.add_argument(
        "--estimate",
        metavar="CHIP",
        help="estimate the time of int8 files on a phone chip's NPU instead of measuring",
    )


def run(arguments: argparse.Namespace) -> int:
    """Time files in ms, or estimate their time, and print the figures as a table or JSON.

    Returns 0, or the highest exit code among the files that did not run.

    Raises:
        EdgeImgqError: a file or device does not exist, or the only file is damaged; `main` prints
            it and takes its exit code.
    """
    from datetime import UTC, datetime

    from edge_imgq.api.bench import bench
    from edge_imgq.pipeline.exported_files import exported_files
    from edge_imgq.report.history import timed_entries

    if arguments.estimate:
        _refuse_beside_estimates(arguments)
        return _estimate(exported_files(arguments.paths), arguments.estimate, arguments.json)
    with ProgressDisplay() as watch:
        result = bench(
            arguments.paths,
            device=arguments.device or "host",
            delegate=arguments.delegate,
            benchmark_model=benchmark_model(arguments),
            threads=arguments.threads,
            runs=arguments.runs,
            size=arguments.size,
            sustained=arguments.sustained,
            memory=arguments.memory,
            operators=arguments.operators,
            progress=watch,
        )
    if arguments.json:
        from edge_imgq.report.json_form import timings_to_json

        print(timings_to_json(result.timings))
    else:
        print(result)
    entries = timed_entries(result.timings, datetime.now(UTC))
    keep(arguments.history, entries, arguments.json)
    return result.exit_code


def _refuse_beside_estimates(arguments: argparse.Namespace) -> None:
    """Refuse options for a measurement, since `--estimate` measures nothing.

    Raises:
        UsageError: one is given.
    """
    for name in ("memory", "operators", "sustained", "size", "history", "device"):
        if getattr(arguments, name):
            raise UsageError(
                f"--estimate measures nothing and cannot be combined with --{name}; use one "
                "after the other."
            )


def _estimate(files: Sequence[Path], chip: str, as_json: bool) -> int:
    """Print estimated times of int8 files on a chip's NPU; return 0."""
    from edge_imgq.bench.estimate import compare, estimate_file
    from edge_imgq.skipped import Skipped

    rows_by_file = [(str(file), estimate_file(file, chip)) for file in files]
    estimates = [row for _, row in rows_by_file if not isinstance(row, Skipped)]
    absent = [(file, row.reason) for file, row in rows_by_file if isinstance(row, Skipped)]
    if as_json:
        from edge_imgq.report.json_form import to_json
        from edge_imgq.report.typed import plain

        rows = [{"file": file, "skipped": reason} for file, reason in absent]
        known = plain(compare(chip))
        document = {"estimates": plain(tuple(estimates)), "absent": rows, "published": known}
        print(to_json(document))
    else:
        from edge_imgq.report.estimate_table import estimate_table

        print(estimate_table(estimates, chip, absent))
    return 0
