"""One folder and one row make a format: every command and the Python interface take it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import edge_imgq as eiq
from edge_imgq.cli.main import main
from edge_imgq.errors import ModelError, UnsupportedOperatorError
from edge_imgq.formats import FORMATS, Format
from edge_imgq.recipe.folders import shipped_folder
from tests.cli.conftest import Run
from tests.small_models import tiny_model

ROW = Format(
    name="Zipped",
    suffixes=(".zip",),
    module="tests.made_up_format.format",
    precisions={"float32": "asked"},
    sizes="any",
)


@pytest.fixture(scope="module", autouse=True)
def a_row_more() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FORMATS, "zipped", ROW)
        yield


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work beside a folder of recipes that has one for the format."""
    folder = tmp_path_factory.mktemp("workplace")
    (folder / "export").mkdir()
    text = (shipped_folder("export") / "onnx-float.toml").read_text()
    text = text.replace('format = "onnx"', 'format = "zipped"')
    (folder / "export" / "zipped-float.toml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def written(workplace: Path, tiny: Path, photos: Path) -> Path:
    words = ("export", tiny, "--size", "48x64", "--target", "zipped", "--output", "artifacts")
    images = ("--images", photos / "evaluation")
    assert main([str(word) for word in (*words, *images)]) == 0
    return workplace / "artifacts" / "tiny"


def test_export_writes_verifies_and_times_it(written: Path) -> None:
    report = json.loads((written / "report.json").read_text())
    (target,) = report["targets"]
    assert target["file"] == "zipped-float.zip"
    assert target["vs_reference"]["mean"] > 90
    assert target["latency"]["median_ms"] > 0
    assert target["memory"]["bytes"] > 0


def test_commands_take_it(run: Run, written: Path, photos: Path, tmp_path: Path) -> None:
    assert run("verify", written, "--no-bench").code == 0
    assert run("bench", written, "--runs", "3").code == 0
    outcome = run("inspect", written / "zipped-float.zip")
    assert outcome.code == 0
    assert "Zipped" in outcome.out
    assert "sides of any length" in outcome.out
    photo = next((photos / "evaluation").iterdir())
    model = written / "zipped-float.zip"
    assert run("enhance", photo, "--model", model, "-o", tmp_path).code == 0
    assert (tmp_path / photo.name).is_file()
    report, baseline = written / "report.json", tmp_path / "baseline.json"
    assert run("check", report, "--baseline", baseline, "--update").code == 0
    assert run("check", report, "--baseline", baseline).code == 0


def test_the_python_interface_takes_it(written: Path, photos: Path, tiny: Path, tmp_path) -> None:
    file = eiq.open_file(written / "zipped-float.zip")
    image = np.random.default_rng(0).integers(0, 256, (31, 45, 3), np.uint8)
    assert file.run(image).shape == (31, 45, 3)
    assert (file.target, file.sizes) == ("zipped-float", ())
    verified = eiq.verify(file, images=photos / "evaluation")
    assert verified["zipped-float"].path == written / "zipped-float.zip"
    result = eiq.export(
        tiny, targets="zipped-float", output=tmp_path, sizes=(48, 64), bench=False,
        images=photos / "evaluation",
    )  # fmt: skip
    assert result["zipped-float"].path == tmp_path / "tiny" / "zipped-float.zip"
    assert result.passes


def test_what_it_refuses_is_named_and_nothing_is_written(
    workplace: Path,
    run: Run,
    tmp_path: Path,
) -> None:
    model = tiny_model()
    model.graph.node.insert(3, helper.make_node("Sigmoid", ["c"], ["d"], name="gate"))
    model.graph.node[4].input[1] = "d"
    onnx.save(model, tmp_path / "gated.onnx")
    outcome = run(
        "export", tmp_path / "gated.onnx", "--size", "48x64", "--output", tmp_path / "out"
    )
    assert outcome.code == UnsupportedOperatorError.exit_code
    assert "Sigmoid 'gate'" in outcome.err
    assert "this archive is for networks without gates" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_damaged_one_is_refused(written: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    path.write_bytes((written / "zipped-float.zip").read_bytes()[:-40])
    with pytest.raises(ModelError, match="is no archive of ours, or damaged"):
        eiq.open_file(path)
