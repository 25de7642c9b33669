"""The gate: what passes, what a baseline takes, and the files that a check writes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from edge_imgq.pipeline.check import remeasure
from edge_imgq.report.history import drift_entries, write_history
from edge_imgq.report.json_form import read_reports
from tests.cli.check.build import FLOAT, INT8, check, verdicts
from tests.cli.check.conftest import Export
from tests.cli.conftest import Run
from tests.cli.tampering import FAULTS, Edited


@pytest.mark.parametrize(("size", "weight"), [("24x32", 1.0), ("96x128", 2.0)])
def test_files_for_other_sizes_shut_the_gate_until_the_baseline_takes_them(
    run: Run, project: Path, export: Export, pairs: Path, size: str, weight: float
) -> None:
    shutil.rmtree(project / "tiny")
    shutil.copytree(export(weight, (INT8, FLOAT), size=size), project / "tiny")
    found = verdicts(check(run, project, "--images", pairs, "--json"))
    assert set(found) == {INT8, FLOAT}
    for verdict in found.values():
        assert (verdict["outcome"], verdict["fails"]) == ("regressed", True)
        assert verdict["reasons"] == [f"the input's size is {size}, the baseline's 48x64"]
        assert not any("written otherwise" in change for change in verdict["changes"])
    shown = check(run, project)
    assert shown.code == 1
    assert f"baseline {project / 'baseline.json'} --update" in " ".join(shown.out.split())
    assert check(run, project, "--update").code == 0
    assert check(run, project).code == 0


def test_a_file_for_a_size_more_is_larger_and_its_graph_is_not_to_blame(
    run: Run, project: Path, export: Export, pairs: Path
) -> None:
    shutil.rmtree(project / "tiny")
    shutil.copytree(export(1.0, (INT8, FLOAT), size="48x64,24x32"), project / "tiny")
    for verdict in verdicts(check(run, project, "--images", pairs, "--json")).values():
        assert [reason.split(" went ")[0] for reason in verdict["reasons"]] == ["bytes"]
        said = "the input's sizes are 24x32 and 48x64, the baseline's 48x64"
        assert verdict["changes"] == [said]


def test_an_unchanged_project_needs_no_runtime(project: Path) -> None:
    code = (
        "import sys; from edge_imgq.cli.main import main; code = main(sys.argv[1:])\n"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'ai_edge_litert', 'coremltools', 'tensorflow'}\n"
        "sys.exit(code or ', '.join(heavy & set(sys.modules)) or 0)"
    )
    words = ("check", project / "tiny", "--baseline", project / "baseline.json")
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PASS: 2 targets (2 pass).")


def test_files_of_another_runtime_are_measured_anew_once(
    run: Run, project: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "tiny" / "report.json"
    report = json.loads(path.read_text())
    report["versions"][0]["version"] = "1.0.0"
    path.write_text(json.dumps(report))
    refused = check(run, project)
    assert refused.code == 2
    assert "Name them with --images" in refused.err
    assert "other versions than those that are here" in refused.err
    assert "not to be trusted (--no-cache)" in check(run, project, "--no-cache").err
    assert check(run, project, "--images", pairs).code == 0
    monkeypatch.setattr(remeasure, "verify_files", None)
    again = check(run, project, "--images", pairs, "--json")
    assert {v["outcome"] for v in verdicts(again).values()} == {"pass"}


def test_nothing_tampered_with_gets_into_a_baseline(run: Run, project: Path) -> None:
    before = (project / "baseline.json").read_bytes()
    with (project / "tiny" / f"{INT8}.tflite").open("ab") as file:
        file.write(b"\0")
    outcome = check(run, project, "--update")
    assert outcome.code == 1
    assert "is left as it was: tiny tflite-int8: the file is not the one" in outcome.err
    assert (project / "baseline.json").read_bytes() == before


def test_an_update_names_what_it_keeps_and_drops_and_refuses_nothing_measured(
    run: Run, project: Path
) -> None:
    path = project / "tiny" / "report.json"
    report = json.loads(path.read_text())
    targets = {target["target"]: target for target in report["targets"]}
    not_run = {"file": f"{FLOAT}.tflite", "reason": "no runtime here", "exit_code": 7}
    path.write_text(json.dumps(report | {"targets": [targets[INT8]], "not_run": [not_run]}))
    kept = check(run, project, "--update")
    assert kept.code == 0
    said = "Kept the earlier figures of tiny tflite-float: it did not run: no runtime here."
    assert said in kept.err
    assert check(run, project).out.startswith("PASS: 2 targets (1 skipped, 1 pass).")

    path.write_text(json.dumps(report | {"targets": [targets[INT8]]}))
    dropped = check(run, project, "--update")
    assert dropped.code == 0
    said = "Dropped the figures of tiny tflite-float: the report has no such target."
    assert said in dropped.err

    before = (project / "baseline.json").read_bytes()
    path.write_text(json.dumps(report | {"targets": []}))
    refused = check(run, project, "--update")
    assert refused.code == 2
    assert "is left as it was: tiny: no target was measured here" in refused.err
    assert (project / "baseline.json").read_bytes() == before


def test_a_gate_with_nothing_to_compare_does_not_pass(run: Run, project: Path) -> None:
    for name in ("tiny/report.json", "baseline.json"):
        values = json.loads((project / name).read_text())
        place = values if "targets" in values else values["models"]["tiny"]
        place["targets"] = type(place["targets"])()
        (project / name).write_text(json.dumps(values))
    outcome = check(run, project)
    assert outcome.code == 1
    assert outcome.out.startswith("NOTHING COMPARED: neither the reports nor the baseline")


def test_a_copy_that_ships_must_be_one_of_the_files(
    run: Run, project: Path, pairs: Path, worse: Path
) -> None:
    asset = project / "assets" / "x.tflite"
    asset.parent.mkdir()
    shutil.copy(project / "tiny" / f"{INT8}.tflite", asset)
    words = ("--images", pairs, "--shipped", asset, "--json")
    good = check(run, project, *words)
    assert good.code == 0
    assert verdicts(good)[str(asset)]["reasons"] == ["it is tflite-int8, byte for byte"]

    file = Edited(asset)
    FAULTS["one bias"](file)
    file.write()
    bad = check(run, project, *words)
    assert bad.code == 1
    found = verdicts(bad)
    assert found[INT8]["outcome"] == "pass"
    assert found[str(asset)]["outcome"] == "tampered"
    reasons = "\n".join(found[str(asset)]["reasons"])
    assert "it is a tflite-int8 with other bytes" in reasons
    assert "vs_reference_mean went from" in reasons

    shutil.copy(worse / f"{INT8}.tflite", asset)
    (reason,) = verdicts(check(run, project, *words))[str(asset)]["reasons"][1:]
    assert "made from another float model" in reason


def test_verify_measures_a_file_that_lies_elsewhere(
    run: Run, project: Path, pairs: Path, worse: Path
) -> None:
    asset = Path(shutil.copy(project / "tiny" / f"{INT8}.tflite", project / "x.tflite"))
    for reference in (project / "tiny", project / "tiny" / "reference"):
        words = ("verify", asset, "--reference", reference, "--images", pairs, "--no-bench")
        (target,) = json.loads(run(*words, "--json").out)["targets"]
        assert target["file"] == str(asset)
        assert target["target"] == INT8
    other = run("verify", asset, "--reference", worse, "--images", pairs)
    assert other.code == 5
    assert "was not made from" in other.err


def test_a_required_target_must_be_there(run: Run, project: Path) -> None:
    assert check(run, project, "--require", INT8).code == 0
    outcome = check(run, project, "--require", INT8, "tflite-gpu", "--json")
    assert outcome.code == 1
    assert verdicts(outcome)["tflite-gpu"]["outcome"] == "skipped"


def test_a_required_target_that_nothing_is_called_is_a_misspelling(run: Run, project: Path) -> None:
    for word in ("tflite-in8", "tflite-in8-48x64"):
        outcome = check(run, project, "--require", FLOAT, word)
        assert outcome.code == 2
        assert f"There is no target '{word}'. Did you mean 'tflite-int8'?" in outcome.err
    assert "Did you mean 'quality'?" in check(run, project, "--require", "qualty").err
    for path in (project / "baseline.json", project / "tiny" / "report.json"):
        path.write_text(path.read_text().replace(f'"{FLOAT}"', '"mine"'))
    assert check(run, project, "--require", "mine").code == 0
    assert check(run, project, "--require", "tflite-int8-48x64").code == 1  # it may be, and is not


def test_the_forms_of_the_verdicts_are_written(run: Run, project: Path, pairs: Path) -> None:
    file = Edited(project / "tiny" / f"{INT8}.tflite")
    FAULTS["bgr"](file)
    file.write()
    paths = {form: project / "out" / f"check.{form}" for form in ("html", "junit", "markdown")}
    options = [word for form, path in paths.items() for word in (f"--{form}", path)]
    options += ["--pictures", project / "out" / "worst of it"]
    assert check(run, project, "--images", pairs, *options).code == 1
    page = paths["html"].read_text()
    assert page.count('<section class="picture"') == 3
    assert "tampered" in paths["junit"].read_text()
    text = paths["markdown"].read_text()
    assert text.startswith("### ✖ FAIL: 1 of 2 targets")
    shown = re.findall(r"!\[tiny tflite-int8, .*? dB to the float model\]\((\S+)\)", text)
    assert len(shown) == 3
    for address in shown:
        with Image.open(paths["markdown"].parent / unquote(address)) as picture:
            assert picture.format == "PNG"


def test_earlier_runs_are_shown_on_the_page_and_need_one(run: Run, project: Path) -> None:
    history = project / "history.jsonl"
    when = datetime(2026, 11, 1, tzinfo=UTC)
    write_history(history, drift_entries(read_reports(project / "tiny"), when))
    assert check(run, project, "--html", project / "page.html", "--history", history).code == 0
    assert "2026-11-01 00:00<" in (project / "page.html").read_text()
    refused = check(run, project, "--history", history)
    assert refused.code == 2
    assert "add --html FILE" in refused.err
    history.write_text("{")
    broken = check(run, project, "--html", project / "page.html", "--history", history)
    assert broken.code == 3


def test_several_models_go_at_once_and_each_only_once(
    run: Run, project: Path, worse: Path, pairs: Path
) -> None:
    """The second model's report is that of the first under another name."""
    shutil.copytree(worse, project / "other")
    twice = run("check", project, "--baseline", project / "baseline.json")
    assert twice.code == 2
    assert "are both about tiny" in twice.err
    report = project / "other" / "report.json"
    report.write_text(report.read_text().replace('"model": "tiny"', '"model": "other"'))
    words = ("check", project, "--baseline", project / "baseline.json")
    assert json.loads(run(*words, "--json").out)["passes"] is False
    assert run(*words, "--update").code == 0
    outcome = run(*words, "--json")
    assert outcome.code == 0
    assert {v["model"] for v in json.loads(outcome.out)["verdicts"]} == {"tiny", "other"}


def test_verify_writes_a_page_too(run: Run, project: Path, pairs: Path) -> None:
    words = ("verify", project / "tiny", "--images", pairs, "--no-bench", "--html")
    assert run(*words, project / "page.html").code in (0, 1)
    page = (project / "page.html").read_text()
    assert page.count('<section class="picture"') == 1
    assert "the baseline's figure" not in page
    top, bottom = map(int, re.findall(r"off most, rows (\d+) to (\d+)", page)[0])
    assert 0 <= top < bottom <= 60
