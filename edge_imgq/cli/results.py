"""Printing of reports, and the exit code that follows from them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_imgq.cli.messages import say
from edge_imgq.errors import DriftError, code_of_not_run

if TYPE_CHECKING:
    from pathlib import Path

    from edge_imgq.api.result import ModelResult
    from edge_imgq.report.report import Report


def show_reports(reports: Sequence[Report], *, as_json: bool, explain: bool) -> int:
    """Print reports on stdout and problems on stderr, and return the exit code.

    Reports come last, so that a terminal shows their verdict and hints first. In a table they state
    the reasons of failures, so stderr only names the files; beside JSON stderr states the reasons
    too. JSON is one object for one report, and a list for several.

    Args:
        reports: one per model.
        as_json: print JSON instead of tables.
        explain: explain columns and give details below each table.

    Returns:
        The highest code of files that were not written or not run, else 1 if a file exceeds its
        budget, else 0.
    """
    exceeded = [target for report in reports for target in report.targets if target.breaches]
    if as_json:
        for target in exceeded:
            for breach in target.breaches:
                say(f"over budget: {target.target}: {breach}")
    elif exceeded:
        say(f"over budget: {', '.join(target.target for target in exceeded)}")
    worst = max(_failed(reports, as_json), _not_run(reports, as_json))
    _print(reports, as_json, explain)
    return worst or (DriftError.exit_code if exceeded else 0)


def _print(reports: Sequence[Report], as_json: bool, explain: bool) -> None:
    if as_json:
        from edge_imgq.report.json_form import reports_to_json

        print(reports_to_json(reports))
    else:
        from edge_imgq.report.report_table import report_table

        print("\n\n".join(report_table(report, explain=explain) for report in reports))
    sys.stdout.flush()


def write_page(path: Path | None, results: Sequence[ModelResult]) -> None:
    """Write an HTML page of results, judged by their budgets, and name it on stderr.

    Args:
        path: path of the page; None to do nothing.
        results: results of `export` or `verify`, with their worst images.

    Raises:
        OutputError: the page cannot be written.
    """
    from edge_imgq.artifact import write_text
    from edge_imgq.pipeline.sensitivity.known_sensitivity import layers_of
    from edge_imgq.report.baseline import Baseline
    from edge_imgq.report.baseline_comparison import BaselineComparison
    from edge_imgq.report.check_page import check_page
    from edge_imgq.report.verdict import by_budget

    if path is None:
        return
    reports = tuple(result.report for result in results)
    verdicts = tuple(verdict for report in reports for verdict in by_budget(report))
    pictures = {
        (result.report.model, target): result.worst_images.get(
            f"{result.report.model}-{target}", ()
        )
        for result in results
        for target in result.files
    }
    layers, notes = layers_of({result.folder: result.report for result in results})
    comparison = BaselineComparison(verdicts, reports, Baseline())
    write_text(path, check_page(comparison, pictures, notes=notes, layers=layers))
    print(f"The page is {path}.", file=sys.stderr)


def say_where_pictures_are(folder: Path | None) -> None:
    """Print on stderr where the pictures of the worst images are, or that there are none.

    `folder` is the one given with `--pictures`; None to print nothing.
    """
    if folder is None:
        return
    if any(folder.rglob("*.png")):
        print(f"The pictures are in {folder}.", file=sys.stderr)
    else:
        print("No pictures: no image differs from the float model's.", file=sys.stderr)


def _failed(reports: Sequence[Report], with_reasons: bool) -> int:
    """Print on stderr which targets have no file; return the exit code, 0 if all have one."""
    for report in reports:
        for reason, failed in report.failures.items():
            names = ", ".join(target.target for target in failed)
            for trace in dict.fromkeys(target.trace for target in failed):
                print(trace, end="", file=sys.stderr)
            say(f"not written: {names}{f': {reason}' if with_reasons else ''}")
        if with_reasons and report.without_refused:
            say(report.without_refused)
    return max((target.exit_code for report in reports for target in report.failed), default=0)


def _not_run(reports: Sequence[Report], with_reasons: bool) -> int:
    """Print on stderr which files were not run; return the exit code, 0 if all were.

    A file of a format that the device does not run is mentioned only if nothing else ran.
    """
    for report in reports:
        for reason, files in report.reasons.items():
            names = ", ".join(file.file for file in files)
            if not report.targets or any(file.exit_code for file in files):
                rest = f": {reason}" if with_reasons else ""
                where = "" if files[0].at_fault else f" on {report.device}"
                say(f"{names} {files[0].words}{where}{rest}")
    return max(
        (
            code_of_not_run(
                [file.exit_code for file in report.not_run], any_ran=bool(report.targets)
            )
            for report in reports
        ),
        default=0,
    )
