"""Baselines on disk: JSON that people read in a diff and edit by hand."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_imgq.artifact import write_text
from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.recipe.table import Table
from edge_imgq.report.baseline import Baseline, Figures, ModelBaseline, Tolerances
from edge_imgq.report.json_file import read_json

SCHEMA = 1
DIGITS = 4
"""Decimals that figures are kept with; fewer digits move in a diff than were measured."""


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline: sorted, one figure per line, decibels to four decimals.

    Raises:
        OutputError: it cannot be written.
    """
    models = {
        name: {
            "evaluation": model.evaluation,
            "targets": {
                target: _rounded(model.targets[target]) for target in sorted(model.targets)
            },
        }
        for name, model in sorted(baseline.models.items())
    }
    form = {
        "schema": SCHEMA,
        "tolerances": dataclasses.asdict(baseline.tolerances),
        "models": models,
    }
    write_text(path, json.dumps(form, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        UsageError: it is not there.
        RecipeError: it is not JSON, of another schema, or has an unknown key.
    """
    try:
        values = read_json(path)
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no baseline {path}. Write one with: edge-imgq check PATH --baseline {path} "
            "--update"
        ) from error
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise RecipeError(f'{path} is not a baseline with "schema": {SCHEMA}.')
    return _baseline(values, str(path))


def _baseline(values: dict[str, Any], where: str) -> Baseline:
    table = Table(values, where)
    table.number("schema")
    tolerances = _tolerances(table.table("tolerances"))
    models = {
        name: _model(entry, f"{where} [models] [{name}]")
        for name, entry in _entries(table, values, "models", where)
    }
    table.close()
    return Baseline(tolerances, models)


def _entries(
    table: Table, values: dict[str, Any], key: str, where: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of a table whose keys are names, each of which must be a table."""
    table.table(key)
    for name, entry in values.get(key, {}).items():
        if not isinstance(entry, dict):
            raise RecipeError(f"{where} [{key}]: '{name}' must be a table, not {entry!r}.")
        yield name, entry


def _tolerances(table: Table) -> Tolerances:
    found = {
        entry.name: table.number(entry.name, default=getattr(Tolerances(), entry.name))
        for entry in dataclasses.fields(Tolerances)
    }
    table.close()
    return Tolerances(**found)


def _model(values: dict[str, Any], where: str) -> ModelBaseline:
    table = Table(values, where)
    evaluation = table.text("evaluation")
    targets = {
        name: _figures(Table(entry, f"{where} [targets] [{name}]"))
        for name, entry in _entries(table, values, "targets", where)
    }
    table.close()
    return ModelBaseline(evaluation, targets)


def _figures(table: Table) -> Figures:
    found: dict[str, Any] = {}
    for entry in dataclasses.fields(Figures):
        optional = entry.name.startswith("drop")
        absent = optional and not table.has(entry.name)
        found[entry.name] = None if absent else table.number(entry.name)
    found["bytes"] = int(found["bytes"])
    table.close()
    return Figures(**found)


def _rounded(figures: Figures) -> dict[str, float]:
    return {
        name: round(value, DIGITS)
        for name, value in dataclasses.asdict(figures).items()
        if value is not None
    }
