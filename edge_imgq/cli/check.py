"""`edge-imgq check`: compare exported and shipped files with a baseline."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from edge_imgq.cli.options import Subparsers, add_command, add_json, add_threads
from edge_imgq.cli.paths import (
    existing,
    existing_file,
    existing_folder,
    file_to_keep,
    output_file,
    output_folder,
)
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.errors import DriftError

if TYPE_CHECKING:
    from edge_imgq.api.check import CheckResult

REPORT_FILES = {
    "junit": "JUnit XML, a test case for each target",
    "markdown": "Markdown, for a comment on a pull request",
    "html": "one page that needs no other file, with pictures of what fails",
}
"""Formats in which verdicts can be written, each an option that takes a file."""

DETAILS = """\
Compare exported files with a committed baseline and with the budgets of their recipes. Figures come
from the report beside the files. A file whose digest is not in the report is measured again; if
the report was made with other versions, all files are. Exits with 1 if a target got worse or is not
the file that was measured, or if the baseline lacks the model.

The baseline is a JSON file that contains its tolerances; edit them there. Create it once with
--update, and commit it."""

EXAMPLE = """\
edge-imgq check artifacts/fsrcnn-x2 --baseline baseline.json --update
edge-imgq check artifacts/fsrcnn-x2 --baseline baseline.json
edge-imgq check artifacts --baseline baseline.json --shipped app/x2.tflite"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq check` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "check", "compare files with a committed baseline", DETAILS, EXAMPLE
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=existing,
        metavar="PATH",
        help="a model's folder, its report.json, or the folder of several models",
    )
    parser.add_argument(
        "--baseline",
        type=file_to_keep,
        required=True,
        metavar="FILE",
        help="baseline to compare with, or to write with --update",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="write the figures into the baseline; tolerances stay as they are",
    )
    _add_demands(parser)
    for option, words in REPORT_FILES.items():
        parser.add_argument(f"--{option}", type=output_file, metavar="FILE", help=f"write {words}")
    parser.add_argument(
        "--history",
        type=existing_file,
        metavar="FILE",
        help="earlier figures, written by `verify --history`, to show on the page of --html",
    )
    parser.add_argument(
        "--pictures",
        type=output_folder,
        metavar="DIR",
        help="folder for pictures of what fails; the Markdown links to them",
    )
    add_threads(parser, default=1)
    add_json(parser)


def _add_demands(parser: argparse.ArgumentParser) -> None:
    """Add options for further conditions, and for how files are measured."""
    parser.add_argument(
        "--shipped",
        nargs="+",
        action="extend",
        default=[],
        type=existing,
        metavar="FILE",
        help="copy that an app ships, for example in its assets; fails unless it equals one of the "
        "files",
    )
    parser.add_argument(
        "--require",
        nargs="+",
        action="extend",
        default=[],
        metavar="TARGET",
        help="target that must pass; fails if it is skipped, new, unjudged or absent. `quality`: "
        "every target must be judged",
    )
    parser.add_argument(
        "--images",
        type=existing_folder,
        metavar="DIR",
        help="photographs to measure files on (default: those of calibration_data/)",
    )
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="measure every file, whatever its report or an earlier check says",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compare files with a baseline and print verdicts as a table or JSON, or update the baseline.

    Returns 1 if a file fails, else 0; 0 after an update.

    Raises:
        EdgeImgqError: a report or baseline is missing or invalid, or an output cannot be written;
            `main` prints it and takes its exit code.
    """
    if arguments.update:
        return _update(arguments)
    from edge_imgq.api.check import check

    with ProgressDisplay() as watch:
        result = check(
            arguments.paths,
            arguments.baseline,
            shipped=arguments.shipped,
            require=arguments.require,
            images=arguments.images,
            html=arguments.html,
            pictures=arguments.pictures,
            junit=arguments.junit,
            markdown=arguments.markdown,
            history=arguments.history,
            threads=arguments.threads,
            cache=not arguments.no_cache,
            progress=watch,
        )
    for note in result.notes:
        print(note, file=sys.stderr)
    _show(result, arguments)
    return 0 if result.passes else DriftError.exit_code


def _update(arguments: argparse.Namespace) -> int:
    from edge_imgq.api.check import update_baseline

    with ProgressDisplay() as watch:
        update = update_baseline(
            arguments.paths,
            arguments.baseline,
            images=arguments.images,
            threads=arguments.threads,
            cache=not arguments.no_cache,
            progress=watch,
        )
    print(update, file=sys.stderr)
    return 0


def _show(result: CheckResult, arguments: argparse.Namespace) -> None:
    if arguments.json:
        from edge_imgq.report.json_form import verdicts_to_json

        print(verdicts_to_json(result.verdicts))
        return
    print(result)
    if any(map(result.comparison.is_news, result)):
        paths = " ".join(map(str, arguments.paths))
        print(
            f"\nTo accept these figures:\n  edge-imgq check {paths} --baseline "
            f"{arguments.baseline} --update"
        )
