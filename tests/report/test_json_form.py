"""Reports survive JSON, and what is not a report is refused with its place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.report.json_form import read_reports, report_from_dict, report_to_dict, to_json
from edge_imgq.report.report import Report
from edge_imgq.skipped import Skipped
from tests.report.build import REPORT


def through_text(report: Report) -> Any:
    return json.loads(to_json(report_to_dict(report)))


def test_a_report_comes_back_equal() -> None:
    assert report_from_dict(through_text(REPORT), "here") == REPORT


def test_a_skipped_measurement_stays_skipped_and_keeps_its_reason() -> None:
    form = through_text(REPORT)
    assert form["targets"][0]["latency"] == {"skipped": "the reference evaluator checks values"}
    latency = report_from_dict(form, "here").targets[0].latency
    assert latency == Skipped("the reference evaluator checks values")


def test_the_schema_comes_first() -> None:
    assert next(iter(report_to_dict(REPORT))) == "schema"


def test_whole_numbers_are_read_where_a_number_is_meant() -> None:
    form = through_text(REPORT)
    form["targets"][1]["drop"]["mean"] = 1
    assert report_from_dict(form, "here").targets[1].drop.mean == 1.0  # type: ignore[union-attr]


def set_drop(form: Any, value: Any) -> None:
    form["targets"][1]["drop"] = value


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda form: form.pop("schema"), "is not a report of edge-imgq"),
        (lambda form: form.update(schema=1), "has schema 1; this edge-imgq reads schema 7"),
        (lambda form: form.pop("model"), "the key 'model' is missing"),
        (lambda form: form.update(colour="y"), "unknown key 'colour'"),
        (lambda form: form.update(parameters="12"), "parameters must be a whole number"),
        (lambda form: form.update(parameters=True), "parameters must be a whole number"),
        (lambda form: form.update(targets={}), "targets must be a list"),
        (lambda form: form["contract"].update(colour="cmyk"), "colour must be one of y, rgb"),
        (lambda form: set_drop(form, None), r"targets\[1\]: drop must be an object"),
        (lambda form: set_drop(form, {"skipped": 3}), "drop must be a string"),
        (
            lambda form: form["targets"][1]["latency"].update(size=[180]),
            "latency: size must be a list of 2",
        ),
    ],
)
def test_what_is_no_report_is_refused_with_its_place(spoil: Any, sentence: str) -> None:
    form = through_text(REPORT)
    spoil(form)
    with pytest.raises(RecipeError, match=sentence) as caught:
        report_from_dict(form, "here.json")
    assert str(caught.value).startswith("here.json")


def test_infinity_is_never_written() -> None:
    broken = replace(REPORT.targets[1].vs_reference, mean=float("inf"))
    report = replace(REPORT, targets=(replace(REPORT.targets[1], vs_reference=broken),))
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(report_to_dict(report))


def test_infinity_is_never_read(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(to_json(report_to_dict(REPORT)).replace("35.21", "NaN"))
    with pytest.raises(RecipeError, match="NaN is no number of JSON"):
        read_reports(path)


def test_a_folder_stands_for_its_report_or_for_those_of_its_folders(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        text = to_json(report_to_dict(replace(REPORT, model=name)))
        (tmp_path / name / "report.json").write_text(text)
    assert [report.model for report in read_reports(tmp_path)] == ["one", "two"]
    assert [report.model for report in read_reports(tmp_path / "two")] == ["two"]
    assert [report.model for report in read_reports(tmp_path / "two" / "report.json")] == ["two"]


def test_a_folder_without_a_report_and_a_damaged_one_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no report\.json"):
        read_reports(tmp_path)
    with pytest.raises(UsageError, match="There is no report at"):
        read_reports(tmp_path / "gone.json")
    (tmp_path / "report.json").write_text('{"schema": 1,')
    with pytest.raises(RecipeError, match="is not valid JSON"):
        read_reports(tmp_path)
