"""Baseline files: JSON made for diffs, with tolerances that users edit."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_imgq.artifact import write_text
from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.recipe.toml_reader import TomlTable
from edge_imgq.report.baseline import Baseline, Figures, ModelBaseline, Tolerances
from edge_imgq.report.json_file import read_json
from edge_imgq.report.typed import plain, read_as

SCHEMA = 4
WITHOUT_SIZES = 3
"""Previous schema, without input sizes."""

WITHOUT_TENSORS = 2
"""Schema before that, also without the tensors of graphs."""

READ = (SCHEMA, WITHOUT_SIZES, WITHOUT_TENSORS)

DIGITS = 4
"""Decimals of stored values; rounding keeps diffs small."""


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline as JSON: models and targets sorted, one value per line, four decimals.

    An existing file is replaced.

    Raises:
        OutputError: The file cannot be written.
        ValueError: A value is infinite or NaN.
    """
    models = {
        name: dataclasses.replace(model, targets=dict(sorted(model.targets.items())))
        for name, model in sorted(baseline.models.items())
    }
    contents = {
        "schema": SCHEMA,
        "tolerances": dataclasses.asdict(baseline.tolerances),
        "models": _rounded(plain(models)),
    }
    write_text(path, json.dumps(contents, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_baseline(path: Path) -> Baseline:
    """Read a baseline of schema 2 to 4; what older schemas lack is empty or None.

    Raises:
        UsageError: The file does not exist.
        RecipeError: It cannot be read, is not JSON, has another schema, or a key or value is
            missing, unknown or of the wrong type.
    """
    values = _read(path)
    if values["schema"] not in READ:
        raise RecipeError(
            f"{path} has schema {values['schema']}; this edge-imgq reads {SCHEMA}, which also "
            "holds PSNR against the truth and digests. Write it again; its tolerances are kept: "
            f"edge-imgq check PATH --baseline {path} --update"
        )
    table = TomlTable(values, str(path))
    table.refuse_others(("schema", "models", "tolerances"))
    table.number("schema")
    table.table("models")
    _complete(values["schema"], values.get("models", {}))
    tolerances = _tolerances(table.table("tolerances"))
    table.raise_mistakes()
    with _advised(path):
        models = _models(values.get("models", {}), f"{path} [models]")
    return Baseline(tolerances, models)


def _models(values: Mapping[str, Any], where: str) -> Mapping[str, ModelBaseline]:
    """Read all models; an error names the first fault of each target and of each model.

    Raises:
        RecipeError: a key is missing or unknown, or a value has another type.
    """
    faults: list[str] = []

    def tried(kind: Any, value: Any, table: str) -> None:
        try:
            read_as(kind, value, f"{where} {table}")
        except RecipeError as error:
            faults.append(str(error))

    for name, model in values.items():
        targets = model.get("targets") if isinstance(model, dict) else None
        if not isinstance(targets, dict):
            tried(ModelBaseline, model, f"[{name}]")
            continue
        tried(ModelBaseline, {**model, "targets": {}}, f"[{name}]")
        for target, figures in targets.items():
            tried(Figures, figures, f"[{name}]: targets [{target}]")
    if faults:
        raise RecipeError("\n".join(faults))
    read: Mapping[str, ModelBaseline] = read_as(Mapping[str, ModelBaseline], values, where)
    return read


def read_to_update(path: Path) -> Baseline | None:
    """Read a baseline that is to be updated; None if the file does not exist.

    Of a baseline of schema 1, only the tolerances are kept.

    Raises:
        RecipeError: As for `read_baseline`.
    """
    if not path.exists():
        return None
    values = _read(path)
    if values["schema"] not in READ:
        table = TomlTable(values, str(path))
        tolerances = _tolerances(table.table("tolerances"))
        table.raise_mistakes()
        return Baseline(tolerances)
    return read_baseline(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        with _advised(path):
            values = read_json(path)
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no baseline {path}. Write one with: edge-imgq check PATH --baseline {path} "
            "--update"
        ) from error
    known = range(1, SCHEMA + 1)
    if not isinstance(values, dict) or values.get("schema") not in known:
        raise RecipeError(f'{path} is not a baseline with "schema": {SCHEMA}.')
    return values


@contextmanager
def _advised(path: Path) -> Iterator[None]:
    """Append advice on damaged baselines to a RecipeError."""
    try:
        yield
    except RecipeError as error:
        raise RecipeError(
            f"{error} Correct it, or restore it from version control; or remove it and write it "
            f"again, from files that are right: edge-imgq check PATH --baseline {path} --update"
        ) from error


def _complete(schema: int, models: Mapping[str, Any]) -> None:
    """Add missing keys to models of an older schema, in place; unknown values are None."""
    for model in (entry for entry in models.values() if isinstance(entry, dict)):
        if schema == WITHOUT_TENSORS:
            model.setdefault("tensors", {})
        if schema == SCHEMA or not isinstance(model.get("targets"), dict):
            continue
        for target in (entry for entry in model["targets"].values() if isinstance(entry, dict)):
            target.setdefault("sizes", None)
            target.setdefault("activation_size", None)


def _tolerances(table: TomlTable) -> Tolerances:
    table.refuse_others([entry.name for entry in dataclasses.fields(Tolerances)])
    return Tolerances(
        **{
            entry.name: table.number(
                entry.name, getattr(Tolerances(), entry.name), (0.0, math.inf), "0 or more"
            )
            for entry in dataclasses.fields(Tolerances)
        }
    )


def _rounded(value: Any) -> Any:
    """Round all floats of JSON values to `DIGITS`; -0.0 becomes 0.0."""
    if isinstance(value, float):
        return round(value, DIGITS) + 0.0
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list) else value
