"""Reports as JSON, and back: strict on reading, so that a typo is never a measurement."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.report.json_file import read_json
from edge_imgq.report.report import SCHEMA, Report
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.bench.timing import Timing
    from edge_imgq.report.baseline import Verdict
    from edge_imgq.report.description import FileDescription
    from edge_imgq.report.sensitivity import Sensitivity

FILE = "report.json"
"""Name of a report below a model's folder."""


def report_to_dict(report: Report) -> dict[str, Any]:
    """Return a report as plain values; `schema` comes first.

    A `Skipped` becomes `{"skipped": reason}`.
    """
    return {"schema": SCHEMA, **plain(report)}


def report_from_dict(values: Any, where: str) -> Report:
    """Read a report back.

    Args:
        values: what `report_to_dict` returned.
        where: names the file in errors.

    Raises:
        RecipeError: a key is missing or unknown, a value has another type, or the schema is not
            ours.
    """
    if not isinstance(values, dict) or "schema" not in values:
        raise RecipeError(f"{where} is not a report of edge-imgq: it has no 'schema'.")
    if values["schema"] != SCHEMA:
        raise RecipeError(
            f"{where} has schema {values['schema']!r}; this edge-imgq reads schema {SCHEMA}. "
            "Make the report anew with `edge-imgq verify` or `export`."
        )
    fields = {key: value for key, value in values.items() if key != "schema"}
    report: Report = _read(Report, fields, where)
    return report


def reports_to_json(reports: Sequence[Report]) -> str:
    """Return one report as a JSON object, several as a list."""
    forms = [report_to_dict(report) for report in reports]
    return to_json(forms[0] if len(forms) == 1 else forms)


def timings_to_json(timings: Sequence[Timing]) -> str:
    """Return timings as a JSON list."""
    return to_json([plain(timing) for timing in timings])


def verdicts_to_json(verdicts: Sequence[Verdict]) -> str:
    """Return verdicts as a JSON object; `passes` says whether all of them do."""
    return to_json(
        {
            "passes": all(verdict.passes for verdict in verdicts),
            "verdicts": [plain(verdict) for verdict in verdicts],
        }
    )


def sensitivity_to_json(sensitivity: Sensitivity) -> str:
    """Return what layers cost as a JSON object."""
    return to_json(plain(sensitivity))


def description_to_json(description: FileDescription) -> str:
    """Return the description of a file as a JSON object."""
    return to_json(plain(description))


def to_json(values: Any) -> str:
    """Return JSON text; infinity and NaN, which JSON lacks, are an error of ours."""
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)


def read_reports(path: Path) -> tuple[Report, ...]:
    """Read a report file, a model's folder, or the folders of several models.

    Raises:
        UsageError: there is no report.
        RecipeError: one cannot be read.
    """
    return tuple(_read_file(file) for file in _report_files(path))


def plain(value: Any) -> Any:
    """Return a frozen dataclass as JSON's own types."""
    if isinstance(value, Skipped):
        return {"skipped": value.reason}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, tuple):
        return [plain(entry) for entry in value]
    return value


def _report_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UsageError(f"There is no report at {path}.")
    own = path / FILE
    files = [own] if own.is_file() else sorted(path.glob(f"*/{FILE}"))
    if not files:
        raise UsageError(
            f"{path} holds no {FILE}, nor do the folders in it. `edge-imgq export` writes one."
        )
    return files


def _read_file(path: Path) -> Report:
    return report_from_dict(read_json(path), str(path))


def _read(kind: Any, value: Any, where: str) -> Any:
    """Read a plain value as the type that a dataclass's field states."""
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    if origin in (types.UnionType, typing.Union):
        return _read_measured(kind, value, where)
    if origin is tuple:
        return _read_tuple(kind, value, where)
    if origin is typing.Literal:
        if value not in typing.get_args(kind):
            raise _wrong(where, f"one of {', '.join(typing.get_args(kind))}", value)
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _wrong(where, _WORDS[kind], value)
    return value


_WORDS: dict[Any, str] = {
    str: "a string", int: "a whole number", float: "a number", bool: "true or false"
}  # fmt: skip


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    hints = _hints(kind)
    unknown = [key for key in value if key not in hints]
    missing = [key for key in hints if key not in value]
    if unknown or missing:
        fault = f"unknown key '{unknown[0]}'" if unknown else f"the key '{missing[0]}' is missing"
        raise RecipeError(f"{where}: {fault}; this is no report that edge-imgq wrote.")
    return kind(**{key: _read(hints[key], value[key], f"{where}: {key}") for key in hints})


def _read_measured(kind: Any, value: Any, where: str) -> Any:
    """Read `Measured | Skipped`."""
    if isinstance(value, dict) and set(value) == {"skipped"}:
        return Skipped(_read(str, value["skipped"], where))
    (measured,) = (option for option in typing.get_args(kind) if option is not Skipped)
    return _read(measured, value, where)


def _read_tuple(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(where, "a list", value)
    options = typing.get_args(kind)
    if options[-1] is Ellipsis:
        options = (options[0],) * len(value)
    if len(options) != len(value):
        raise _wrong(where, f"a list of {len(options)}", value)
    pairs = enumerate(zip(options, value, strict=True))
    return tuple(_read(option, entry, f"{where}[{index}]") for index, (option, entry) in pairs)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _wrong(where: str, wanted: str, value: Any) -> RecipeError:
    return RecipeError(f"{where} must be {wanted}, not {value!r}.")
