"""ncnn files through every command, and on a machine without the package that runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import edge_imgq as eiq
from edge_imgq.cli.main import main
from edge_imgq.errors import RuntimeUnavailableError
from edge_imgq.formats import Extra
from tests.cli.conftest import Run

MIN_PSNR = {"ncnn-float": 80, "ncnn-fp16": 55, "ncnn-int8": 40}
"""Targets, with dB against the float model."""

TARGETS = set(MIN_PSNR)


@pytest.fixture(scope="module")
def written(exporting: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an export to ncnn alone."""
    output = tmp_path_factory.mktemp("ncnn")
    words = [str(word) for word in exporting if word not in ("onnx", "tflite")]
    words.insert(words.index("--target") + 1, "ncnn")
    assert main([*words, "--output", str(output)]) == 0
    return output / "tiny"


@pytest.fixture
def without_ncnn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package look as if it were not installed."""
    monkeypatch.setattr(Extra, "is_missing", property(lambda _: True))


def test_export_verifies_and_times_them(written: Path) -> None:
    report = json.loads((written / "report.json").read_text())
    assert {target["target"] for target in report["targets"]} == TARGETS
    for target in report["targets"]:
        assert target["runtime"].startswith("ncnn ")
        assert target["latency"]["median_ms"] > 0
        assert target["bytes"] == sum(
            (written / f"{target['target']}{suffix}").stat().st_size
            for suffix in (".param", ".bin")
        )
        assert target["breaches"] == []
        assert target["vs_reference"]["worst"] >= MIN_PSNR[target["target"]]
    assert sorted(entry.name for entry in written.iterdir()) == [
        "ncnn-float.bin", "ncnn-float.param", "ncnn-fp16.bin", "ncnn-fp16.param", "ncnn-int8.bin",
        "ncnn-int8.param", "reference", "report.json",
    ]  # fmt: skip


def test_verify_bench_and_inspect_take_them(run: Run, written: Path) -> None:
    outcome = run("verify", written, "--json", "--no-bench")
    assert outcome.code == 0
    assert {row["target"] for row in json.loads(outcome.out)["targets"]} == TARGETS
    outcome = run("bench", written, "--runs", "3", "--json")
    assert outcome.code == 0
    assert len(json.loads(outcome.out)) == 3
    outcome = run("inspect", written / "ncnn-fp16.param", "--operators")
    assert outcome.code == 0
    assert "input image: float32 3×48×64" in outcome.out
    assert "the input may be resized" in outcome.out


def test_enhance_runs_them_on_a_photograph_of_any_size(
    run: Run, written: Path, photos: Path, tmp_path: Path
) -> None:
    photo = next((photos / "evaluation").iterdir())
    model = written / "ncnn-float.param"
    outcome = run("enhance", photo, "--model", model, "-o", tmp_path)
    assert outcome.code == 0, outcome.err
    assert (tmp_path / photo.name).is_file()


def test_check_compares_them_with_a_baseline(run: Run, written: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    report = written / "report.json"
    assert run("check", report, "--baseline", baseline, "--update").code == 0
    outcome = run("check", report, "--baseline", baseline)
    assert outcome.code == 0, outcome.out


@pytest.mark.parametrize("command", ["verify", "bench", "inspect"])
def test_the_file_of_weights_leads_to_the_other(run: Run, written: Path, command: str) -> None:
    outcome = run(command, written / "ncnn-float.bin")
    assert outcome.code == 2
    said = " ".join(outcome.err.split())
    assert "ncnn-float.bin belongs to ncnn-float.param; name that, and both are taken." in said


def test_a_damaged_half_is_named(run: Run, written: Path, tmp_path: Path) -> None:
    (tmp_path / "ncnn-float.param").write_bytes((written / "ncnn-float.param").read_bytes())
    outcome = run("inspect", tmp_path / "ncnn-float.param")
    assert outcome.code == 5
    assert "ncnn needs both of its files" in outcome.err


def test_without_the_package_files_are_written_and_said_not_to_be_run(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, without_ncnn: None
) -> None:
    words = [word for word in exporting if word not in ("onnx", "tflite")]
    words.insert(words.index("--target") + 1, "onnx-float")
    words.insert(words.index("--target") + 1, "ncnn-float")
    outcome = run(*words, "--no-bench", "--output", tmp_path)
    assert outcome.code == RuntimeUnavailableError.exit_code
    assert (tmp_path / "tiny" / "ncnn-float.param").is_file()
    assert (tmp_path / "tiny" / "ncnn-float.bin").is_file()
    report = json.loads((tmp_path / "tiny" / "report.json").read_text())
    assert [target["target"] for target in report["targets"]] == ["onnx-float"]
    (left_out,) = report["not_run"]
    assert left_out["file"] == "ncnn-float.param"
    assert "pip install 'ncnn" in left_out["reason"]
    assert "not run on host" in outcome.out


def test_without_the_package_ncnn_alone_is_written_too(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, without_ncnn: None
) -> None:
    words = [word for word in exporting if word not in ("onnx", "tflite")]
    words.insert(words.index("--target") + 1, "ncnn")
    outcome = run(*words, "--no-bench", "--output", tmp_path)
    assert outcome.code == RuntimeUnavailableError.exit_code
    assert (tmp_path / "tiny" / "ncnn-fp16.bin").is_file()
    assert "pip install 'ncnn" in " ".join(outcome.out.split())


def test_without_the_package_commands_say_what_to_install(
    run: Run, written: Path, without_ncnn: None
) -> None:
    model = written / "ncnn-float.param"
    for words in (("verify", model), ("bench", model, "--runs", "3"), ("bench", written)):
        outcome = run(*words)
        assert outcome.code == RuntimeUnavailableError.exit_code
        assert "pip install 'ncnn" in " ".join((outcome.out + outcome.err).split())
    assert run("inspect", model).code == 0  # reads, and runs nothing
    with pytest.raises(RuntimeUnavailableError, match="pip install 'ncnn"):
        eiq.open_file(model)
