"""The published schemas are those of the code, and strict; `run` holds every command to its own."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from edge_imgq.cli.main import COMMANDS
from edge_imgq.cli.schemas import FOLDER, schema_path, schemas
from edge_imgq.report.json_form import report_to_dict, to_json
from tests.cli.conftest import validate
from tests.report.build import REPORT

ANEW = "write them anew with python -m edge_imgq.cli.schemas, and raise VERSION after a release"


def test_the_published_schemas_are_those_of_what_is_printed() -> None:
    made = schemas()
    assert {path.stem for path in FOLDER.iterdir()} == set(made)
    for name, schema in made.items():
        assert json.loads(schema_path(name).read_text()) == json.loads(json.dumps(schema)), ANEW


def test_every_command_and_every_error_has_a_valid_schema() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*COMMANDS, "contract", "error"}
    for path in FOLDER.iterdir():
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


@pytest.mark.parametrize("command", ["export", "verify"])
def test_a_report_is_valid(command: str) -> None:
    validate(command, to_json(report_to_dict(REPORT)))


def test_several_reports_are_valid_for_verify() -> None:
    validate("verify", to_json([report_to_dict(REPORT)] * 2))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda form: form.update(schema=1),
        lambda form: form.pop("model"),
        lambda form: form.update(colour="y"),
        lambda form: form["targets"][1].update(bytes="many"),
        lambda form: form["targets"][1]["vs_reference"].update(mean=None),
        lambda form: form["targets"][1]["latency"].update(size=[180]),
        lambda form: form["contract"].update(colour="cmyk"),
    ],
)
def test_a_spoilt_report_is_not(spoil: Any) -> None:
    form = json.loads(to_json(report_to_dict(REPORT)))
    spoil(form)
    with pytest.raises(jsonschema.ValidationError):
        validate("export", json.dumps(form))
