"""`edge-imgq history`: compare times and drift of earlier runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.cli.options import Subparsers, add_command, add_json
from edge_imgq.cli.paths import existing_file, output_file
from edge_imgq.errors import UsageError

if TYPE_CHECKING:
    from edge_imgq.report.history import HistoryEntry

DETAILS = """\
Show the figures that `verify --history FILE` and `bench --history FILE` kept: times and drift of
every file, oldest first, with device, runtime, threads and version. Each time is compared with the
first undisturbed run of the same setting, and with a fixed loop that was timed in both runs.
"instr." is the number of instructions for one image, which QEMU counts on the device arm64."""

EXAMPLE = """\
edge-imgq bench artifacts/fsrcnn-x2 --history history.jsonl
edge-imgq history history.jsonl"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq history` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "history", "show times and drift of earlier runs", DETAILS, EXAMPLE
    )
    parser.add_argument(
        "file", type=existing_file, metavar="FILE", help="history file that --history wrote"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the entries of a history file, oldest first, as a table or JSON; return 0.

    Raises:
        UsageError: the file has no entries.
        RecipeError: the file is not a history that `--history` wrote.
    """
    from edge_imgq.report.history import history_table, read_history
    from edge_imgq.report.json_form import to_json
    from edge_imgq.report.typed import plain

    entries = read_history(arguments.file)
    if not entries:
        raise UsageError(
            f"There is no history in {arguments.file}; `verify` and `bench` write one with "
            "--history."
        )
    print(to_json(plain(entries)) if arguments.json else history_table(entries))
    return 0


def add_history(parser: argparse.ArgumentParser) -> None:
    """Add the option `--history FILE`, which appends the figures of a run to a file.

    Parsed as `history`, a Path that can be written, or None.
    """
    parser.add_argument(
        "--history",
        type=output_file,
        metavar="FILE",
        help="append the figures to this file, and show all its figures side by side",
    )


def keep(path: Path | None, entries: Sequence[HistoryEntry], as_json: bool) -> None:
    """Append entries to a history file and print the whole history as a table.

    Args:
        path: the history file, created if missing; None to do nothing.
        entries: entries to append.
        as_json: True to print nothing, since standard output is reserved for JSON.

    Raises:
        RecipeError: the existing file is not a history.
        OutputError: the file cannot be written.
    """
    from edge_imgq.report.history import history_table, read_history, write_history

    if path is None:
        return
    whole = (*read_history(path), *entries)
    write_history(path, whole)
    if not as_json and whole:
        print(f"\n{history_table(whole)}")
