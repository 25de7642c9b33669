"""JSON output of commands, and reading of report files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.report.json_file import read_json
from edge_imgq.report.report import SCHEMA, Report
from edge_imgq.report.typed import plain, read_as
from edge_imgq.report.verdict import fails_check

if TYPE_CHECKING:
    from edge_imgq.bench.timing import Timing
    from edge_imgq.report.description import FileDescription
    from edge_imgq.report.sensitivity import Sensitivity
    from edge_imgq.report.verdict import Verdict

FILE = "report.json"
"""File name of a report in a model's folder."""


def report_to_dict(report: Report) -> dict[str, Any]:
    """Convert a report to JSON types, with `schema` as the first key.

    Keys are the fields' names. A `Skipped` becomes `{"skipped": reason}`. `report_from_dict` is the
    inverse.
    """
    return {"schema": SCHEMA, **plain(report)}


def report_from_dict(values: Any, where: str) -> Report:
    """Convert the result of `report_to_dict` back to an equal report.

    Args:
        values: Parsed JSON.
        where: Name of the file, for messages.

    Raises:
        RecipeError: A key is missing or unknown, a value has another type, or the schema is not the
            current one.
    """
    if not isinstance(values, dict) or "schema" not in values:
        raise RecipeError(f"{where} is not a report of edge-imgq: it has no 'schema'.")
    if values["schema"] != SCHEMA:
        raise RecipeError(
            f"{where} has schema {values['schema']!r}; this edge-imgq reads schema {SCHEMA}. "
            "Write the report again with `edge-imgq export`."
        )
    fields = {key: value for key, value in values.items() if key != "schema"}
    report: Report = read_as(Report, fields, where)
    return report


def reports_to_json(reports: Sequence[Report]) -> str:
    """Return one report as the text of a JSON object, several or none as a list.

    Raises:
        ValueError: A number is infinite or NaN.
    """
    objects = [report_to_dict(report) for report in reports]
    return to_json(objects[0] if len(objects) == 1 else objects)


def timings_to_json(timings: Sequence[Timing]) -> str:
    """Return times of files as the text of a JSON list, an object per file; times are in ms.

    Raises:
        ValueError: A number is infinite or NaN.
    """
    return to_json([plain(timing) for timing in timings])


def verdicts_to_json(verdicts: Sequence[Verdict]) -> str:
    """Return verdicts as the text of a JSON object with the keys `passes` and `verdicts`.

    `passes` is true if the check passes; `verdicts` has an object per verdict.

    Raises:
        ValueError: A number is infinite or NaN.
    """
    return to_json(
        {
            "passes": not fails_check(verdicts),
            "verdicts": [plain(verdict) for verdict in verdicts],
        }
    )


def sensitivity_to_json(sensitivity: Sensitivity) -> str:
    """Return a sensitivity analysis as the text of a JSON object; keys are the fields' names.

    Raises:
        ValueError: A number is infinite or NaN.
    """
    return to_json(plain(sensitivity))


def description_to_json(description: FileDescription) -> str:
    """Return the description of a file as the text of a JSON object; keys are the fields' names.

    Raises:
        ValueError: A number is infinite or NaN.
    """
    return to_json(plain(description))


def to_json(values: Any) -> str:
    """Return JSON types as text, indented by two spaces, with letters outside ASCII unescaped.

    Raises:
        ValueError: A number is infinite or NaN, which JSON cannot hold.
        TypeError: A value is not of a JSON type.
    """
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)


def read_reports(path: Path) -> tuple[Report, ...]:
    """Read the reports of a file, of a model's folder, or of a folder of model folders.

    They are in order of the folders' names.

    Raises:
        UsageError: There is no report.
        RecipeError: A report cannot be read or is not a report of this schema.
    """
    return tuple(read_report(file) for file in report_files(path))


def report_files(path: Path) -> list[Path]:
    """Return the report files of a path: a file, a model's folder, or a folder of model folders.

    A file is returned unread; those of several folders are sorted by name.

    Raises:
        UsageError: There is no report.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UsageError(f"There is no report at {path}; `edge-imgq export` writes one.")
    own = path / FILE
    files = [own] if own.is_file() else sorted(path.glob(f"*/{FILE}"))
    if not files:
        raise UsageError(
            f"{path} holds no {FILE}, nor do the folders in it. `edge-imgq export` writes one."
        )
    return files


def read_report(path: Path) -> Report:
    """Read a report from its JSON file.

    Raises:
        FileNotFoundError: It does not exist.
        RecipeError: It cannot be read or is not a report of the current schema.
    """
    return report_from_dict(read_json(path), str(path))
