"""Baseline files: written for a diff, read strictly."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.report.baseline import Tolerances, unmeasured, updated
from edge_imgq.report.baseline_file import read_baseline, read_to_update, write_baseline
from edge_imgq.report.report import Failed, NotRun, Report
from edge_imgq.report.verdict import judge
from edge_imgq.verify.drift import Fidelity
from tests.report.build import REPORT, with_target


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "baseline.json"
    write_baseline(path, updated(None, [REPORT]))
    return path


def test_a_written_baseline_passes_the_report_that_it_came_from(path: Path) -> None:
    assert all(verdict.outcome == "pass" for verdict in judge([REPORT], read_baseline(path)))


def test_one_changed_figure_is_one_changed_line(path: Path) -> None:
    before = path.read_text().splitlines()
    report = with_target(vs_reference=Fidelity(46.71, 44.8, "a"))
    write_baseline(path, updated(read_baseline(path), [REPORT]))
    assert path.read_text().splitlines() == before
    write_baseline(path, updated(None, [report]))
    after = path.read_text().splitlines()
    assert [line.strip() for line in after if line not in before] == ['"vs_reference_mean": 46.71,']


def test_figures_are_kept_to_four_decimals(path: Path) -> None:
    write_baseline(path, updated(None, [with_target(vs_reference=Fidelity(46.123456, 44.8, "a"))]))
    assert '"vs_reference_mean": 46.1235,' in path.read_text()


def test_what_was_not_measured_is_null(path: Path) -> None:
    targets = json.loads(path.read_text())["models"]["fsrcnn-x2"]["targets"]
    assert targets["coreml-fp16"]["drop_mean"] is None
    assert targets["tflite-int8"]["drop_mean"] == 0.204


def test_every_tolerance_stands_in_the_file(path: Path) -> None:
    assert json.loads(path.read_text())["tolerances"] == dataclasses.asdict(Tolerances())


def test_an_older_baseline_is_refused_with_the_command_and_keeps_its_tolerances(
    tmp_path: Path,
) -> None:
    path = tmp_path / "baseline.json"
    assert read_to_update(path) is None
    path.write_text('{"schema": 1, "tolerances": {"bytes": 0.5}, "models": {"a": {}}}')
    with pytest.raises(RecipeError, match=r"has schema 1.* --update"):
        read_baseline(path)
    kept = read_to_update(path)
    assert kept is not None
    assert kept.tolerances == Tolerances(bytes=0.5)
    assert not kept.models


def test_a_baseline_from_before_tensors_were_kept_is_read(path: Path) -> None:
    form = json.loads(path.read_text())
    for model in form["models"].values():
        del model["tensors"]
        for target in model["targets"].values():
            del target["sizes"], target["activation_size"]
    path.write_text(json.dumps({**form, "schema": 2}))
    assert read_baseline(path) == read_to_update(path)
    assert all(verdict.outcome == "pass" for verdict in judge([REPORT], read_baseline(path)))


def test_a_baseline_from_before_sizes_were_kept_is_read_and_judges_none(path: Path) -> None:
    form = json.loads(path.read_text())
    for target in form["models"]["fsrcnn-x2"]["targets"].values():
        assert target.pop("sizes") == ["180x320"]
        assert target.pop("activation_size") == "180x320"
    path.write_text(json.dumps({**form, "schema": 3}))
    assert read_baseline(path) == read_to_update(path)
    other = with_target(sizes=((96, 128),))
    found = [v for v in judge([other], read_baseline(path)) if v.target == "tflite-int8"]
    assert [v.outcome for v in found] == ["pass"]


def test_tensors_keep_their_order_and_are_a_line_each(path: Path) -> None:
    lines = {"z": "uint8; scale 0.5", "a": "int8 3; values #12345678"}
    write_baseline(path, updated(None, [REPORT], {REPORT.model: {"int8": lines}}))
    found = read_baseline(path).models[REPORT.model].tensors
    assert list(found["int8"].items()) == list(lines.items())
    assert '"z": "uint8; scale 0.5",\n' in path.read_text()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda form: form.update(schema=9), 'not a baseline with "schema": 4'),
        (lambda form: form["tolerances"].update(byte=1), "unknown key 'byte'. Did you mean"),
        (lambda form: form["tolerances"].update(bytes="2%"), "'bytes' must be a number"),
        (lambda form: form.update(model={}), "unknown key 'model'"),
        (lambda form: form["models"].update(other=3), r"\[other\] must be an object"),
        (lambda form: form["models"]["fsrcnn-x2"].pop("evaluation"), "'evaluation' is missing"),
        (
            lambda form: form["models"]["fsrcnn-x2"]["targets"]["tflite-int8"].pop("bytes"),
            r"\[fsrcnn-x2\]: targets \[tflite-int8\]: the key 'bytes' is missing",
        ),
    ],
)
def test_a_wrong_baseline_is_refused_with_its_place(path: Path, spoil: Any, sentence: str) -> None:
    form = json.loads(path.read_text())
    spoil(form)
    path.write_text(json.dumps(form))
    with pytest.raises(RecipeError, match=sentence):
        read_baseline(path)


def test_a_spoiled_baseline_says_what_to_do(path: Path) -> None:
    """Of a figure that was edited, of what a merge left, and in an update, which keeps the file."""
    advice = "Correct it, or restore it from version control; or remove it and write it again"
    text = path.read_text()
    path.write_text(text.replace('"psnr": null', '"psnrr": null'))
    said = f"unknown key 'psnrr'. Did you mean 'psnr'? {advice}"
    with pytest.raises(RecipeError, match=re.escape(said)):
        read_baseline(path)
    path.write_text(f"<<<<<<< HEAD\n{text}")
    for read in (read_baseline, read_to_update):
        with pytest.raises(RecipeError, match=f"not valid JSON: .*{advice}.*--update"):
            read(path)


def test_a_fault_of_each_model_and_target_is_told(path: Path) -> None:
    form = json.loads(path.read_text())
    (model,) = form["models"].values()
    first, second = list(model["targets"])[:2]
    del model["float_sha256"]
    model["targets"][first]["bytes"] = "many"
    del model["targets"][second]["sha256"]
    path.write_text(json.dumps(form))
    with pytest.raises(RecipeError) as caught:
        read_baseline(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    for line, words in zip(lines, ["float_sha256", f"[{first}]", f"[{second}]"], strict=True):
        assert words in line


def test_a_missing_and_a_damaged_baseline_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no baseline .* --update"):
        read_baseline(tmp_path / "gone.json")
    (tmp_path / "half.json").write_text('{"schema"')
    with pytest.raises(RecipeError, match="not valid JSON"):
        read_baseline(tmp_path / "half.json")


def without(target: str, **changes: Any) -> Report:
    """Return the report less one target."""
    kept = tuple(entry for entry in REPORT.targets if entry.target != target)
    return dataclasses.replace(REPORT, targets=kept, **changes)


def test_an_update_keeps_what_could_not_be_measured_and_drops_what_is_gone() -> None:
    before = updated(None, [REPORT])
    known = before.models[REPORT.model]
    not_run = (NotRun("coreml-fp16.mlpackage", "no Mac", 7),)
    skipped = without("coreml-fp16", not_run=not_run)
    assert updated(before, [skipped]).models[REPORT.model].targets == known.targets
    (said,) = unmeasured(known, skipped)
    assert (said.target, said.stays, said.reason) == ("coreml-fp16", True, "it did not run: no Mac")
    failed = without("coreml-fp16", failed=(Failed("coreml-fp16", "cannot express Erf", 6),))
    assert updated(before, [failed]).models[REPORT.model].targets == known.targets

    changed = dataclasses.replace(skipped, reference_sha256="0" * 64)
    (said,) = unmeasured(known, changed)
    assert said.stays
    assert said.reason.endswith("; they are those of the float model before this one")

    gone = without("coreml-fp16")
    assert list(updated(before, [gone]).models[REPORT.model].targets) == ["tflite-int8"]
    (said,) = unmeasured(known, gone)
    assert (said.stays, said.reason) == (False, "the report has no such target")

    others = dataclasses.replace(skipped, evaluation_sha256="0" * 64)
    assert list(updated(before, [others]).models[REPORT.model].targets) == ["tflite-int8"]
    (said,) = unmeasured(known, others)
    assert not said.stays
    assert said.reason.endswith("; its figures are those of other images")
