"""Core AI files through every command, and on a machine without the package that writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_imgq.cli.main import main
from edge_imgq.errors import RuntimeUnavailableError
from edge_imgq.formats import FORMATS, Extra
from tests.cli.conftest import Run

TARGETS = {"coreai-float16", "coreai-int8"}
EXTRA = FORMATS["coreai"].extra
assert EXTRA is not None
here = pytest.mark.skipif(EXTRA.is_missing, reason="the extra [coreai] is not installed")


@pytest.fixture(scope="module")
def written(exporting: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an export to Core AI alone."""
    output = tmp_path_factory.mktemp("coreai")
    words = [str(word) for word in exporting if word not in ("onnx", "tflite")]
    words.insert(words.index("--target") + 1, "coreai")
    assert main([*words, "--output", str(output)]) == 0
    return output / "tiny"


@here
def test_export_verifies_them_and_does_not_time_them(written: Path) -> None:
    report = json.loads((written / "report.json").read_text())
    assert {target["target"] for target in report["targets"]} == TARGETS
    for target in report["targets"]:
        assert target["runtime"].startswith("Core AI ")
        assert "checks values" in target["latency"]["skipped"]
        assert target["breaches"] == []
    assert sorted(entry.name for entry in written.iterdir()) == [
        "coreai-float16.aimodel", "coreai-int8.aimodel", "reference", "report.json",
    ]  # fmt: skip


@here
def test_verify_bench_and_inspect_take_them(run: Run, written: Path) -> None:
    outcome = run("verify", written, "--json", "--no-bench")
    assert outcome.code == 0
    assert {row["target"] for row in json.loads(outcome.out)["targets"]} == TARGETS
    outcome = run("inspect", written / "coreai-int8.aimodel", "--operators")
    assert outcome.code == 0
    assert "quantize" in outcome.out
    outcome = run("bench", written / "coreai-float16.aimodel", "--runs", "3")
    assert "its time says nothing about a phone" in " ".join(outcome.out.split())


@pytest.fixture
def without_coreai(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package look as if it were not installed."""
    monkeypatch.setattr(Extra, "is_missing", property(lambda extra: extra.module == "coreai"))


def test_without_the_package_other_targets_are_written_and_it_is_said_what_to_install(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, without_coreai: None
) -> None:
    words = [word for word in exporting if word not in ("onnx", "tflite")]
    words.insert(words.index("--target") + 1, "onnx-float")
    words.insert(words.index("--target") + 1, "coreai-int8")
    outcome = run(*words, "--no-bench", "--output", tmp_path)
    assert outcome.code == RuntimeUnavailableError.exit_code
    said = " ".join((outcome.out + outcome.err).split())
    assert "The package coreai-core, which writes and runs these files, is not installed" in said
    assert "pip install 'coreai-core==1.0.0b3'" in said
    assert sorted(entry.name for entry in (tmp_path / "tiny").iterdir()) == [
        "onnx-float.onnx", "reference", "report.json",
    ]  # fmt: skip


def test_without_the_package_doctor_says_what_to_install(run: Run, without_coreai: None) -> None:
    said = " ".join(run("doctor").out.split())
    assert "writes and runs .aimodel" in said
