"""export, verify, bench and check on a tiny network, as a person runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx
import pytest
from PIL import Image

from edge_imgq.recipe.folders import export_recipes, select
from edge_imgq.report.json_form import read_reports
from tests.cli.conftest import Run
from tests.small_models import tiny_model

FILES = [
    "onnx-float.onnx", "onnx-int8.onnx",
    "tflite-float.tflite", "tflite-gpu.tflite", "tflite-int8.tflite",
]  # fmt: skip


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_export_writes_the_files_their_references_and_a_report(shared_export: Path) -> None:
    assert names(shared_export) == sorted([*FILES, "reference", "report.json"])
    assert names(shared_export / "reference") == ["float.onnx", "int8.onnx", "original.onnx"]
    (report,) = read_reports(shared_export)
    assert [target.file for target in report.targets] == FILES
    assert report.model == "tiny"
    assert report.parameters == 8 * 27 + 24


def test_json_is_alone_on_stdout_and_equals_the_written_report(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    outcome = run(*exporting, "--output", tmp_path, "--json")
    assert json.loads(outcome.out) == json.loads((tmp_path / "tiny" / "report.json").read_text())
    assert "\nverify: " in outcome.err


def test_the_table_is_printed_and_fits_80_columns(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    outcome = run(*exporting, "--output", tmp_path)
    assert outcome.code == 0, outcome.err
    assert all(f"\n{Path(file).stem} " in outcome.out for file in FILES)
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_a_second_export_replaces_the_first(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    run(*exporting, "--output", tmp_path)
    assert run(*exporting, "--output", tmp_path).code == 0
    assert names(tmp_path / "tiny") == sorted([*FILES, "reference", "report.json"])


def test_files_over_budget_are_kept_the_table_printed_and_the_exit_code_1(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    run("init", project)
    recipe = project / "export" / "tflite-int8.toml"
    recipe.write_text(
        recipe.read_text().replace("psnr_vs_reference = 35.0", "psnr_vs_reference = 99.0")
    )
    monkeypatch.chdir(project)
    outcome = run(*exporting, "--output", "out")
    assert outcome.code == 1
    assert "edge-imgq: over budget: tflite-int8\n" in outcome.err
    assert "\ntflite-int8 !" in outcome.out
    assert (outcome.out + outcome.err).count("the budget requires 99") == 1
    assert (project / "out" / "tiny" / "tflite-int8.tflite").exists()


def test_verify_measures_what_export_measured(run: Run, exported: Path, photos: Path) -> None:
    outcome = run("verify", exported, "--images", photos / "evaluation", "--json")
    assert outcome.code == 0, outcome.err
    again = json.loads(outcome.out)
    first = json.loads((exported / "report.json").read_text())
    for before, after in zip(first["targets"], again["targets"], strict=True):
        for key in ("target", "sha256", "vs_reference", "quantization", "conversion"):
            assert after[key] == before[key]


def test_verify_times_all_files_at_the_size_of_the_phone_files(
    run: Run, exported: Path, photos: Path
) -> None:
    """The ONNX files take any size; their times stand beside those of files of 48x64."""
    outcome = run("verify", exported, "--images", photos / "evaluation", "--json")
    targets = json.loads(outcome.out)["targets"]
    assert {tuple(target["latency"]["size"]) for target in targets} == {(48, 64)}
    assert {tuple(target["memory"]["size"]) for target in targets} == {(48, 64)}


def test_no_bench_times_nothing_and_says_so(
    run: Run, exporting: tuple[object, ...], photos: Path, tmp_path: Path
) -> None:
    outcome = run(*exporting, "--no-bench", "--output", tmp_path)
    assert outcome.code == 0, outcome.err
    assert "ms: not timed: --no-bench (onnx-float, " in " ".join(outcome.out.split())
    assert "time tflite-int8" not in outcome.err
    options = ("--no-bench", "--json", "--images", photos / "evaluation")
    found = json.loads(run("verify", tmp_path / "tiny", *options).out)
    skipped = {"skipped": "not timed: --no-bench"}
    assert [target["latency"] for target in found["targets"]] == [skipped] * len(FILES)


def test_verify_refuses_a_file_beside_another_reference(
    run: Run, exported: Path, tmp_path: Path, photos: Path
) -> None:
    model = tmp_path / "other.onnx"
    onnx.save(tiny_model(weight=1.01), model)
    run(
        *("export", model, "--size", "48x64", "--target", "onnx-float", "--output", tmp_path),
        *("--images", photos / "evaluation", "--calibration", photos / "calibration"),
    )
    (exported / "reference" / "float.onnx").write_bytes(
        (tmp_path / "other" / "reference" / "float.onnx").read_bytes()
    )
    outcome = run("verify", exported / "tflite-int8.tflite")
    assert outcome.code == 5
    assert "was not made from" in outcome.err


def test_bench_times_every_file_and_says_where(run: Run, exported: Path) -> None:
    outcome = run("bench", exported, "--runs", 10, "--threads", 2, "--json")
    timings = json.loads(outcome.out)
    assert [Path(timing["file"]).name for timing in timings] == FILES
    for timing in timings:
        latency = timing["latency"]
        assert 0 < latency["min_ms"] <= latency["median_ms"] <= latency["p90_ms"]
        assert latency["threads"] == 2
        assert 10 <= latency["runs"] + latency["left_out"] <= 30
        assert latency["device"].startswith("host: ")
        assert latency["delegate"] in latency["runtime"]
        assert latency["size"] == [48, 64]
        assert latency["warm_up"] >= 5
        assert latency["noise"] >= 0
        assert "thermal" in latency
        assert latency["disturbed"] is ("not quiet" in latency["conditions"])


def test_bench_times_the_others_where_one_file_is_damaged(run: Run, exported: Path) -> None:
    broken = exported / "tflite-float.tflite"
    broken.write_bytes(broken.read_bytes()[:400])
    outcome = run("bench", exported, "--runs", "5", "--json")
    assert outcome.code == 5
    timings = json.loads(outcome.out)
    reasons = {t["file"]: t["latency"]["skipped"] for t in timings if "skipped" in t["latency"]}
    assert len(timings) == len(FILES)
    assert reasons == {str(broken): f"{broken} is damaged or truncated. Export it again."}
    assert run("bench", broken).code == 5


def test_bench_says_why_a_file_has_no_time_at_another_size(run: Run, exported: Path) -> None:
    fixed = exported / "tflite-int8.tflite"
    outcome = run("bench", fixed, "--runs", 10, "--size", "60x72", "--json")
    assert json.loads(outcome.out)[0]["latency"]["size"] == [60, 72]


def test_check_passes_its_own_baseline_and_catches_drift(
    run: Run, exported: Path, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    assert run("check", exported, "--baseline", baseline).code == 2
    updated = run("check", exported, "--baseline", baseline, "--update")
    assert updated.code == 0
    assert run("check", exported, "--baseline", baseline).code == 0

    report = json.loads((exported / "report.json").read_text())
    del report["targets"][0]
    report["targets"][-1]["vs_reference"]["mean"] -= 5
    (exported / "report.json").write_text(json.dumps(report))
    outcome = run("check", exported, "--baseline", baseline, "--json")
    assert outcome.code == 1
    verdicts = {v["target"]: v["outcome"] for v in json.loads(outcome.out)["verdicts"]}
    assert verdicts == {
        "onnx-float": "regressed",
        "onnx-int8": "pass",
        "tflite-float": "pass",
        "tflite-gpu": "pass",
        "tflite-int8": "regressed",
    }
    assert "vs_reference_mean went from" in run("check", exported, "--baseline", baseline).out


def test_exporting_one_target_more_leaves_the_others_verifiable(
    run: Run, exported: Path, tiny: Path, photos: Path
) -> None:
    words = ("export", tiny, "--size", "48x64", "--target", "onnx-float")
    sets = ("--calibration", photos / "calibration", "--images", photos / "evaluation")
    assert run(*words, *sets, "--output", exported.parent).code == 0
    again = run("verify", exported / "tflite-int8.tflite", "--images", photos / "evaluation")
    assert again.code == 0, again.err


def test_pictures_of_the_worst_images_are_written_where_asked(
    run: Run, exported: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("--images", photos / "evaluation", "--pictures", tmp_path / "pictures")
    assert run("verify", exported, *words).code == 0
    (report,) = read_reports(exported)
    (int8,) = (t for t in report.targets if t.target == "tflite-int8")
    written = names(tmp_path / "pictures")
    assert f"tiny-tflite-int8-1-{int8.vs_reference.worst_image}.png" in written
    assert [name for name in written if name.startswith("tiny-tflite-int8-")] == sorted(written)[
        -3:
    ]
    assert not any("onnx-float" in name for name in written)
    with Image.open(tmp_path / "pictures" / written[0]) as picture:
        assert picture.mode == "RGB"


def test_export_writes_pictures_too(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    code = run(*exporting, "--output", tmp_path / "out", "--pictures", tmp_path / "pictures").code
    assert code == 0
    assert len(names(tmp_path / "pictures")) >= 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pictures"]


def test_the_folder_of_several_models_stands_for_their_files(
    run: Run, exported: Path, photos: Path
) -> None:
    shutil.copytree(exported, exported.parent / "again")
    words = ("verify", exported.parent, "--images", photos / "evaluation", "--json")
    folders = json.loads(run(*words).out)
    assert [len(report["targets"]) for report in folders] == [5, 5]
    shutil.rmtree(exported.parent / "again")
    timed = json.loads(run("bench", exported.parent, "--runs", "1", "--json").out)
    assert [Path(row["file"]).parent for row in timed] == [exported] * 5


def test_verify_says_where_its_pictures_are(
    run: Run, exported: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("verify", exported / "tflite-int8.tflite", "--images", photos / "evaluation")
    outcome = run(*words, "--pictures", tmp_path / "pictures")
    assert f"The pictures are in {tmp_path / 'pictures'}." in outcome.err
    assert list((tmp_path / "pictures").glob("*.png"))
    same = run("verify", exported / "onnx-float.onnx", *words[2:], "--pictures", tmp_path / "none")
    assert "No pictures: no image differs from the float model's." in same.err


def test_help_names_every_target_that_all_leaves_out(run: Run) -> None:
    recipes = export_recipes()
    left_out = {recipe.name for recipe in recipes} - {r.name for r in select(recipes, ["all"])}
    said = " ".join(run("export", "--help").out.split()).partition("which leaves out ")[2]
    words = said.partition("; name those")[0].split(", ")
    assert left_out == {recipe.name for word in words for recipe in select(recipes, [word])}
