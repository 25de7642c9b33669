"""`update_baseline` and `check`: the gate of the command, from Python."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import edge_imgq as eiq
from edge_imgq.cli.main import main
from edge_imgq.errors import DriftError, UsageError
from tests.api.conftest import Pixels


@pytest.fixture
def folder(exported: eiq.ModelResult, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported.folder, tmp_path / "residual"))


@pytest.fixture
def images(photos: list[Pixels], tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for number, pixels in enumerate(photos):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path / "photos"


def test_files_pass_a_baseline_that_was_made_of_them(
    folder: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "baseline.json"
    update = eiq.update_baseline(folder, place, images=images)
    assert update.notes[0] == f"Wrote the figures of residual to {place}."
    steps: list[eiq.ProgressStep] = []
    gate = eiq.check(
        [folder],
        update,
        shipped=folder / "tflite-int8.tflite",
        require="onnx-float",
        images=images,
        junit=tmp_path / "gate.xml",
        progress=steps.append,
    )
    assert gate.passes
    assert gate.verdict.startswith("PASS: 5 targets")
    assert {verdict.outcome for verdict in gate} == {"pass"}
    assert "tflite-int8" in (tmp_path / "gate.xml").read_text()
    assert gate._repr_html_().count("<tr>") == 1 + len(gate.verdicts)
    capsys.readouterr()
    words = ["check", str(folder), "--baseline", str(place), "--images", str(images)]
    assert main([*words, "--shipped", str(folder / "tflite-int8.tflite")]) == 0
    assert capsys.readouterr().out.strip() == str(gate).strip()


def test_a_file_that_was_changed_fails_and_is_shown(
    folder: Path, images: Path, tmp_path: Path
) -> None:
    place = tmp_path / "baseline.json"
    eiq.update_baseline(folder, place, images=images)
    shutil.copyfile(folder / "tflite-int8.tflite", tmp_path / "copy.tflite")
    path = folder / "onnx-int8.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    gate = eiq.check(folder, place, images=images, html=tmp_path / "gate.html", cache=False)
    assert not gate.passes
    assert [v.target for v in gate if v.fails] == ["onnx-int8"]
    assert (tmp_path / "gate.html").is_file()
    with pytest.raises(DriftError, match="is left as it was: residual onnx-int8"):
        eiq.update_baseline(folder, place, images=images)


def test_what_is_not_there_is_a_sentence(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "baseline.json"
    eiq.update_baseline(folder, place)
    with pytest.raises(UsageError, match=r"There is no file .*gone\.tflite"):
        eiq.check(folder, place, shipped=tmp_path / "gone.tflite")
    with pytest.raises(UsageError, match="--history is shown on the HTML page"):
        eiq.check(folder, place, history=tmp_path / "history.jsonl")
