"""ExecuTorch files through every command, and on a machine without the package that writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_imgq.cli.main import main
from edge_imgq.formats import FORMATS, Extra
from tests.cli.conftest import Run

TARGETS = {"executorch-float", "executorch-int8"}
EXTRA = FORMATS["executorch"].extra


@pytest.fixture(scope="module")
def written(exporting: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an export to ExecuTorch alone."""
    if EXTRA.is_missing:
        pytest.skip(EXTRA.reason)
    output = tmp_path_factory.mktemp("executorch")
    words = [str(word) for word in exporting if word not in ("onnx", "tflite")]
    words.insert(words.index("--target") + 1, "executorch")
    assert main([*words, "--output", str(output)]) == 0
    return output / "tiny"


def test_export_verifies_times_and_places_them(written: Path) -> None:
    report = json.loads((written / "report.json").read_text())
    assert {target["target"] for target in report["targets"]} == TARGETS
    for target in report["targets"]:
        assert target["runtime"].startswith("ExecuTorch ")
        assert target["latency"]["median_ms"] > 0
        assert target["breaches"] == []
        assert target["conversion"]["within_1"] >= 0.999
        assert target["placement"]["unit"] == "XNNPACK"
        assert target["placement"]["fallback"] == []
    assert not list(written.glob(".*"))


def test_verify_bench_and_inspect_take_them(run: Run, written: Path) -> None:
    outcome = run("verify", written, "--json", "--no-bench")
    assert outcome.code == 0
    assert {row["target"] for row in json.loads(outcome.out)["targets"]} == TARGETS
    outcome = run("bench", written, "--runs", "3", "--json")
    assert outcome.code == 0
    assert len(json.loads(outcome.out)) == 2
    outcome = run("inspect", written / "executorch-int8.pte", "--operators")
    assert outcome.code == 0
    assert "input image: float32 1×3×48×64" in outcome.out
    assert "written in the file by ExecuTorch" in outcome.out


@pytest.fixture
def without_executorch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let packages of extras look as if they were not installed."""
    monkeypatch.setattr(Extra, "is_missing", property(lambda _: True))


def test_without_the_package_the_other_targets_are_written(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, without_executorch: None
) -> None:
    words = [str(word) for word in exporting if word not in ("onnx", "tflite")]
    place = words.index("--target") + 1
    outcome = run(*words[:place], "executorch", "onnx-float", *words[place:], "--output", tmp_path)
    assert outcome.code == 7
    assert (tmp_path / "tiny" / "onnx-float.onnx").is_file()
    assert not list((tmp_path / "tiny").glob("executorch*"))
    said = " ".join(outcome.out.split())
    assert "executorch, which writes and runs these files, is not installed here." in said
    assert "pip install 'executorch>=1.5.1,<1.6'" in said


def test_without_the_package_executorch_alone_says_what_to_install(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, without_executorch: None
) -> None:
    words = [str(word) for word in exporting if word not in ("onnx", "tflite")]
    words.insert(words.index("--target") + 1, "executorch-int8")
    outcome = run(*words, "--output", tmp_path)
    assert outcome.code == 7
    assert "pip install 'executorch>=1.5.1,<1.6'" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_a_file_of_another_machine_is_not_read(
    run: Run, tmp_path: Path, without_executorch: None
) -> None:
    path = tmp_path / "executorch-int8.pte"
    path.write_bytes(b"\0\0\0\0ET12")
    outcome = run("inspect", path)
    assert outcome.code == 7
    assert "pip install 'executorch>=1.5.1,<1.6'" in outcome.err
