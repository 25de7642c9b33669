"""Several sizes by the command line: one file or several, measured, timed and used at each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from edge_imgq.cli.main import main
from tests.cli.conftest import Run
from tests.small_models import whole_model

SIZES = [[48, 64], [64, 48], [32, 32]]
FILES = {
    "coreml-fp16-32x32": "coreml-fp16-32x32.mlpackage",
    "coreml-fp16-48x64": "coreml-fp16-48x64.mlpackage",
    "coreml-fp16-64x48": "coreml-fp16-64x48.mlpackage",
    "tflite-float": "tflite-float.tflite",
}


@pytest.fixture(scope="module")
def sized(tiny: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that was exported for three sizes."""
    output = tmp_path_factory.mktemp("sized")
    words = ("export", tiny, "--target", "tflite-float", "coreml-fp16", "--output", output)
    sizes = ("--size", "48x64,64x48", "--size", "32x32", "--images", photos / "evaluation")
    assert main([*map(str, (*words, *sizes)), "--json"]) in (0, 1)
    return output / "tiny"


def targets(report: dict) -> dict[str, dict]:
    return {target["target"]: target for target in report["targets"]}


def test_tflite_gets_one_file_and_core_ml_a_package_for_each(sized: Path) -> None:
    report = json.loads((sized / "report.json").read_text())
    assert {name: target["file"] for name, target in targets(report).items()} == FILES
    assert targets(report)["tflite-float"]["sizes"] == SIZES


def test_every_size_is_measured_and_the_worst_image_is_named_with_it(sized: Path) -> None:
    report = json.loads((sized / "report.json").read_text())
    worst = targets(report)["tflite-float"]["vs_reference"]["worst_image"]
    assert worst.rsplit(" ", 1)[1] in {f"{height}x{width}" for height, width in SIZES}


def test_verify_measures_what_export_measured(run: Run, sized: Path, photos: Path) -> None:
    outcome = run("verify", sized, "--images", photos / "evaluation", "--json")
    before = targets(json.loads((sized / "report.json").read_text()))
    for name, target in targets(json.loads(outcome.out)).items():
        assert target["vs_reference"] == before[name]["vs_reference"]
        assert target["breaches"] == before[name]["breaches"]


def test_bench_times_every_size_of_a_file(run: Run, sized: Path) -> None:
    outcome = run("bench", sized / "tflite-float.tflite", "--runs", "10", "--json")
    assert [timing["latency"]["size"] for timing in json.loads(outcome.out)] == SIZES
    refused = run("bench", sized / "tflite-float.tflite", "--size", "80x80")
    assert "the file takes 48x64 and 64x48 and 32x32 alone" in " ".join(refused.out.split())


def test_inspect_lists_the_signatures(run: Run, sized: Path) -> None:
    outcome = run("inspect", sized / "tflite-float.tflite")
    assert "signatures: h48_w64, h64_w48, h32_w32" in outcome.out


def test_enhance_takes_the_size_that_fits_a_photograph(
    run: Run, sized: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (60, 45, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    results = []
    for file in ("tflite-float.tflite", "reference/float.onnx"):
        outcome = run("enhance", tmp_path / "photo.png", "--model", sized / file,
                      "--output", tmp_path / "out")  # fmt: skip
        assert outcome.code == 0, outcome.err
        results.append(np.asarray(Image.open(tmp_path / "out" / "photo.png")).astype(int))
    # At the edge a tile of fixed size sees a mirror image where the network itself sees zeros.
    assert np.abs(results[0] - results[1])[:-1, :-1].max() <= 1


def fixed(path: Path, kernel: tuple[int, int]) -> Path:
    """Write a network that was exported for 48x64: a convolution and a mean over a window."""
    weight = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], kernel_shape=[1, 1]),
        helper.make_node("AveragePool", ["a"], ["m"], kernel_shape=kernel, pads=[0] * 4),
        helper.make_node("GlobalAveragePool", ["m"], ["g"]),
        helper.make_node("Sub", ["image", "g"], ["d"]),
        helper.make_node("Add", ["d", "g"], ["out"]),
    ]
    onnx.save(whole_model(nodes, {"w": weight}, size=(48, 64)), path)
    return path


def test_a_model_of_one_size_is_written_for_another(run: Run, photos: Path, tmp_path: Path) -> None:
    model = fixed(tmp_path / "mine.onnx", (3, 3))
    words = ("--target", "tflite-float", "onnx-float", "--images", photos / "evaluation")
    outcome = run("export", model, "--size", "32x40", *words, "--output", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    form = json.loads(run("inspect", tmp_path / "out/mine/tflite-float.tflite", "--json").out)
    assert form["inputs"][0]["shape"] == [1, 32, 40, 3]


def test_a_model_that_is_tied_to_its_size_is_refused_by_the_node(run: Run, tmp_path: Path) -> None:
    model = fixed(tmp_path / "mine.onnx", (48, 64))
    outcome = run("export", model, "--size", "32x40", "--output", tmp_path / "out")
    assert outcome.code == 5
    assert "mine was exported for 48x64" in outcome.err
    assert "AveragePool" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["48", "48x64,", "48x64,1y2"])
def test_a_size_that_is_none_is_a_usage_error(run: Run, tiny: Path, text: str) -> None:
    outcome = run("export", tiny, "--size", text)
    assert outcome.code == 2
    assert "is not a size; write height x width" in outcome.err


def test_a_size_below_what_the_network_sees_is_warned_of(
    run: Run, tiny: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("export", tiny, "--target", "tflite-float", "--images", photos / "evaluation")
    outcome = run(*words, "--size", "2x4,48x64", "--no-bench", "--output", tmp_path)
    advice = json.loads((tmp_path / "tiny" / "report.json").read_text())["advice"]
    (warning,) = (line for line in advice if line.startswith("The network sees"))
    assert warning.startswith("The network sees 3x3 pixels at once, and 2x4 is smaller")
    assert "2x4 is smaller" in " ".join(outcome.out.split())


def test_export_in_a_project_takes_the_size_of_its_recipe(
    run: Run, tiny: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    run("init", project)
    written = project / "export" / "tflite-float.toml"
    written.write_text(written.read_text().replace("size = [180, 320]", "size = [24, 40]"))
    monkeypatch.chdir(project)
    words = ("--images", photos / "evaluation", "--no-bench", "--output", "out")
    outcome = run("export", tiny, "--target", "tflite-float", *words, "--json")
    assert outcome.code == 0, outcome.err
    (target,) = json.loads(outcome.out)["targets"]
    assert target["memory"]["size"] == [24, 40]
