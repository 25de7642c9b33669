"""`edge-imgq check`: a report against a committed baseline."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from edge_imgq.cli.options import Subparsers, add_command, add_json
from edge_imgq.cli.paths import existing, file_to_keep
from edge_imgq.errors import DriftError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_imgq.report.report import Report

DETAILS = """\
Compare reports with a committed baseline and with the budgets that they were held to. Exits
with 1 when a target drifted, is missing, or is of a model that the baseline does not have.
The baseline is a JSON file that states its own tolerances; edit them there. Make it once, with
--update, and commit it."""

EXAMPLE = """\
edge-imgq check artifacts/fsrcnn-x2 --baseline baseline.json --update
edge-imgq check artifacts/fsrcnn-x2 --baseline baseline.json"""


def add(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = add_command(
        subparsers, "check", "compare a report with a committed baseline", DETAILS, EXAMPLE
    )
    parser.add_argument(
        "path",
        type=existing,
        metavar="PATH",
        help="a report.json, a model's folder, or the folder of several models",
    )
    parser.add_argument(
        "--baseline", type=file_to_keep, required=True, metavar="FILE", help="to compare with"
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="write the report's figures into the baseline; its tolerances stay",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare and show the verdicts, or write the baseline."""
    from edge_imgq.report.baseline_file import read_baseline
    from edge_imgq.report.json_form import read_reports
    from edge_imgq.report.verdict import judge

    path: Path = arguments.baseline
    if arguments.update:
        return _update(path, read_reports(arguments.path))
    known = read_baseline(path)
    verdicts = judge(read_reports(arguments.path), known)
    if arguments.json:
        from edge_imgq.report.json_form import verdicts_to_json

        print(verdicts_to_json(verdicts))
    else:
        from edge_imgq.report.verdict_table import verdict_table

        print(verdict_table(verdicts))
    return DriftError.exit_code if any(verdict.fails for verdict in verdicts) else 0


def _update(path: Path, reports: tuple[Report, ...]) -> int:
    from edge_imgq.report.baseline import updated
    from edge_imgq.report.baseline_file import read_to_update, write_baseline

    made = not path.parent.is_dir()
    write_baseline(path, updated(read_to_update(path), reports))
    models = ", ".join(report.model for report in reports)
    print(f"Wrote the figures of {models} to {path}.", file=sys.stderr)
    if made:
        print(f"The folder {path.parent} was not there, and was made.", file=sys.stderr)
    return 0
