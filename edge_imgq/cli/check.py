"""`edge-imgq check`: the files that lie there, and those that ship, against a baseline."""

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
from edge_imgq.errors import DriftError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_imgq.pipeline.check import Looked
    from edge_imgq.report.baseline import Baseline
    from edge_imgq.report.history import Entry
    from edge_imgq.report.judgement import Judgement
    from edge_imgq.report.report import Report

FORMS = {
    "junit": "JUnit XML, a test case for each target",
    "markdown": "Markdown, for a comment on a pull request",
    "html": "a page that holds all it shows, with pictures of what fails",
}
"""Forms of the verdicts, each an option that takes a file."""

DETAILS = """\
Compare exported files with a committed baseline and with the budgets that they were held to. The
report beside the files vouches for those whose digest it has; every other file is measured anew,
and so are all where the report was made with other versions. Exits with 1 when a target regressed
or was tampered with, or when the baseline does not have its model.

The baseline is a JSON file that states its own tolerances; edit them there. Make it once, with
--update, and commit it."""

EXAMPLE = """\
edge-imgq check artifacts/fsrcnn-x2 --baseline baseline.json --update
edge-imgq check artifacts/fsrcnn-x2 --baseline baseline.json
edge-imgq check artifacts --baseline baseline.json --shipped app/x2.tflite"""


def add(subparsers: Subparsers) -> None:
    """Add the command's parser."""
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
        "--baseline", type=file_to_keep, required=True, metavar="FILE", help="to compare with"
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="write the figures into the baseline; its tolerances stay",
    )
    _add_demands(parser)
    for option, words in FORMS.items():
        parser.add_argument(f"--{option}", type=output_file, metavar="FILE", help=f"write {words}")
    parser.add_argument(
        "--history",
        type=existing_file,
        metavar="FILE",
        help="earlier figures for the page of --html, as `verify --history FILE` keeps them",
    )
    parser.add_argument(
        "--pictures",
        type=output_folder,
        metavar="DIR",
        help="write pictures of what fails there; the Markdown shows them by their paths",
    )
    add_threads(parser, default=1)
    add_json(parser)


def _add_demands(parser: argparse.ArgumentParser) -> None:
    """Add what else must hold, and how it is measured."""
    parser.add_argument(
        "--shipped",
        nargs="+",
        action="extend",
        default=[],
        type=existing,
        metavar="FILE",
        help="a copy that ships, in an app's assets for example: it must be one of the files",
    )
    parser.add_argument(
        "--require",
        nargs="+",
        action="extend",
        default=[],
        metavar="TARGET",
        help="must pass: skipped, new, unjudged or absent, it fails; `quality`: no target may be "
        "unjudged",
    )
    parser.add_argument(
        "--images",
        type=existing_folder,
        metavar="DIR",
        help="photographs to measure files anew on (default: those of calibration_data/)",
    )
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="measure every file anew, whatever its report or an earlier check says",
    )


def run(arguments: argparse.Namespace) -> int:
    """Look, compare and show the verdicts, or write the baseline."""
    from edge_imgq.cli.verdict_forms import write_forms
    from edge_imgq.pipeline.check import CheckRequest, look, verdicts
    from edge_imgq.pipeline.measured_anew import cache_folder
    from edge_imgq.report.baseline_file import read_baseline
    from edge_imgq.report.judgement import Judgement

    request = CheckRequest(
        paths=tuple(arguments.paths),
        shipped=tuple(arguments.shipped),
        required=tuple(arguments.require),
        images=arguments.images,
        threads=arguments.threads,
        cache=None if arguments.no_cache else cache_folder(),
    )
    history = _history(arguments)
    known = None if arguments.update else read_baseline(arguments.baseline)
    with ProgressDisplay() as watch:
        looked = look(request, watch)
        if known is None:
            return _update(arguments.baseline, looked)
        found = verdicts(looked, known, request, watch)
        judgement = Judgement(found, tuple(one.report for one in looked), known)
        write_forms(arguments, looked, judgement, history, request, watch)
    _show(judgement, arguments)
    return DriftError.exit_code if judgement.fails else 0


def _history(arguments: argparse.Namespace) -> Sequence[Entry]:
    """Return the entries that the page is to show; none where no history was named.

    Raises:
        UsageError: a history was named, and no page.
        RecipeError: it is none that edge-imgq wrote.
    """
    from edge_imgq.report.history import read_history

    if arguments.history is None:
        return ()
    if arguments.html is None:
        raise UsageError("--history is shown on the page: say --html FILE, too.")
    return read_history(arguments.history)


def _show(judgement: Judgement, arguments: argparse.Namespace) -> None:
    verdicts = judgement.verdicts
    if arguments.json:
        from edge_imgq.report.json_form import verdicts_to_json

        print(verdicts_to_json(verdicts))
        return
    from edge_imgq.report.verdict_table import verdict_table

    print(verdict_table(verdicts, judgement.notes))
    if any(verdict.outcome in ("improved", "new", "unjudged") for verdict in verdicts):
        paths = " ".join(map(str, arguments.paths))
        print(
            f"\nTo accept these figures:\n  edge-imgq check {paths} --baseline "
            f"{arguments.baseline} --update"
        )


def _update(path: Path, looked: Sequence[Looked]) -> int:
    """Write the figures; of files that no report vouches for there are none to write.

    Raises:
        DriftError: there is such a file.
        UsageError: no target of a model was measured.
    """
    from edge_imgq.pipeline.graph_tensors import graph_tensors
    from edge_imgq.report.baseline import updated
    from edge_imgq.report.baseline_file import read_to_update, write_baseline
    from edge_imgq.report.unjudged import without_truth

    for one in looked:
        _refuse_to_keep(path, one)
    made = not path.parent.is_dir()
    reports = [one.report for one in looked]
    before = read_to_update(path)
    tensors = {one.report.model: graph_tensors(one.folder, one.report) for one in looked}
    write_baseline(path, updated(before, reports, tensors))
    models = ", ".join(report.model for report in reports)
    print(f"Wrote the figures of {models} to {path}.", file=sys.stderr)
    for note in without_truth(reports):
        print(f"{note}.", file=sys.stderr)
    if before is not None:
        _say_unmeasured(before, reports)
    if made:
        print(f"The folder {path.parent} was not there, and was made.", file=sys.stderr)
    return 0


def _refuse_to_keep(path: Path, one: Looked) -> None:
    """Raise an error where the figures of a model do not belong into a baseline."""
    start = f"{path} is left as it was: {one.report.model}"
    for target, why in one.tampered.items():
        raise DriftError(f"{start} {target}: {'; '.join(why)}. Export the model again.")
    if not one.report.targets:
        raise UsageError(
            f"{start}: no target was measured here. Update it where the targets run, from a "
            "complete export."
        )


def _say_unmeasured(before: Baseline, reports: Sequence[Report]) -> None:
    """Say which figures of a baseline were kept though nothing was measured, and which went."""
    from edge_imgq.report.baseline import unmeasured

    for report in reports:
        known = before.models.get(report.model)
        for one in unmeasured(known, report) if known else ():
            what = "Kept the earlier figures" if one.stays else "Dropped the figures"
            reason = one.reason.rstrip(".")
            print(f"{what} of {report.model} {one.target}: {reason}.", file=sys.stderr)
