"""What `inspect` says of models and files: parameters, memory, pixels and placement."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from edge_imgq.contract import PixelRange
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.pipeline.verify.references import parameters_of
from edge_imgq.report.json_form import read_reports
from tests.cli.conftest import Run
from tests.graph.build import parsed


def test_inspect_counts_what_the_network_is_made_of(run: Run, tiny: Path) -> None:
    outcome = run("inspect", tiny, "--size", "10x20", "--json")
    form = json.loads(outcome.out)
    assert form["format"] == "ONNX"
    assert form["inputs"][0]["shape"] == [1, 3, "height", "width"]
    assert form["counted_at"] == [10, 20]
    assert form["parameters"] == 8 * 27 + 24
    assert form["macs"] == 10 * 20 * (8 * 27 + 24)
    assert [row["kind"] for row in form["operators"]] == ["Conv", "Relu", "Conv", "Add"]


@pytest.mark.parametrize(
    "file", ["onnx-float.onnx", "onnx-int8.onnx", "tflite-float.tflite", "tflite-int8.tflite"]
)
def test_every_format_of_one_network_has_its_weights_and_macs(
    run: Run, shared_export: Path, file: str
) -> None:
    form = json.loads(run("inspect", shared_export / file, "--size", "48x64", "--json").out)
    # TFLite keeps a bias per channel, which this network lacks. In int8 its 1×1 convolution to 3
    # channels is 2×2 to 12 at every other pixel, which fills the tiles of Arm's kernels.
    blocks = 8 * 4 * 12 if "tflite-int8" in file else 24
    biases = (0, 8 + (12 if "tflite-int8" in file else 3))
    assert form["parameters"] - 216 - blocks in biases
    assert form["model_parameters"] == 240
    if "float" in file:  # in int8 some of its own are rounded to zero, and biases corrected
        assert form["parameters"] - form["zeros"] == 240
    assert form["macs"] == 48 * 64 * (216 + (blocks // 4 if "tflite-int8" in file else 24))


def test_inspect_says_why_a_file_holds_more_parameters_than_its_model(
    run: Run, shared_export: Path, tmp_path: Path
) -> None:
    said = " ".join(run("inspect", shared_export / "tflite-float.tflite").out.split())
    assert "251 parameters (11 zero)" in said
    assert "the float model has 240 parameters; the form that this file" in said
    alone = Path(shutil.copy(shared_export / "tflite-float.tflite", tmp_path))
    assert "the float model has" not in run("inspect", alone).out
    assert "the float model has" not in run("inspect", shared_export / "onnx-float.onnx").out


def test_inspect_lists_operators_in_80_columns(run: Run, shared_export: Path) -> None:
    outcome = run("inspect", shared_export / "tflite-int8.tflite", "--operators")
    assert "CONV_2D" in outcome.out
    _head, *tables = outcome.out.split("\n\n")
    assert max(len(line) for table in tables for line in table.splitlines()) <= 80


def test_inspect_shows_open_lengths_by_name_and_where_it_counted(run: Run, tiny: Path) -> None:
    outcome = run("inspect", tiny)
    assert "float32 1×3×height×width" in outcome.out
    assert "MACs per image of 180x320" in " ".join(outcome.out.split())


def test_inspect_tells_measurements_from_rules(run: Run, shared_export: Path) -> None:
    outcome = run("inspect", shared_export / "tflite-float.tflite")
    text = " ".join(outcome.out.split())
    assert re.search(r"XNNPACK \d+ of \d+ 1 measured: LiteRT", text)
    assert text.count("not run") == 2
    form = json.loads(run("inspect", shared_export / "tflite-float.tflite", "--json").out)
    assert [place["measured"] for place in form["placements"]] == [True, False, False]
    for place in form["placements"]:
        assert len(place["verdicts"]) == len(form["operators"])


def test_inspect_says_whether_an_app_may_resize_the_input(run: Run, shared_export: Path) -> None:
    outcome = run("inspect", shared_export / "tflite-float.tflite")
    assert "the input may be resized\n" in outcome.out


@pytest.mark.parametrize("name", ["photo.png", "report.json"])
def test_inspect_refuses_what_is_no_model(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    outcome = run("inspect", tmp_path / name)
    assert outcome.code == 2
    assert "is not one of .onnx, .tflite, .mlpackage" in outcome.err


def test_inspect_of_a_folder_asks_for_a_file(run: Run, tmp_path: Path) -> None:
    outcome = run("inspect", tmp_path)
    assert outcome.code == 2
    assert f"{tmp_path} is a folder; name one of the files in it." in outcome.err


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_inspect_refuses_a_damaged_file(run: Run, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"\x00garbage" * 9)
    outcome = run("inspect", path)
    assert outcome.code == 5, outcome.err
    assert "broken" in outcome.err


def test_inspect_says_what_an_app_must_know_of_the_pixels(run: Run, shared_export: Path) -> None:
    for name, sides in (
        ("tflite-int8.tflite", "the input may be resized"),
        ("onnx-float.onnx", "sides of any length"),
    ):
        said = " ".join(run("inspect", shared_export / name).out.split())
        assert f"image-to-image ×1, RGB, pixels 0–255 stand for 0–1 {sides}" in said
        assert said.count("sides of any length") == (sides == "sides of any length")


def test_the_factors_of_a_resize_are_no_parameters(run: Run, tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
    larger (float[1,3,8,8] x) => (float[1,3,16,16] y) <float[4] factors = {1, 1, 2, 2}> {
      y = Resize <mode = "nearest"> (x, , factors)
    }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "larger.onnx")
    assert json.loads(run("inspect", tmp_path / "larger.onnx", "--json").out)["parameters"] == 0


def test_inspect_says_which_results_that_are_no_image_are_taken(run: Run, tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
    classifier (float[1,3,8,8] x) => (float[1,3,1] logits) {
      p = GlobalAveragePool(x) axis = Constant <value_ints = [3]> () logits = Squeeze(p, axis)
    }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "classifier.onnx")
    outcome = run("inspect", tmp_path / "classifier.onnx")
    assert outcome.code == 5
    said = " ".join(outcome.out.split())
    assert "logits is not an image: enhance and evaluate refuse a network of other results" in said


def test_inspect_says_how_much_memory_activations_need_and_where(
    run: Run, shared_export: Path
) -> None:
    for name in ("onnx-float.onnx", "tflite-int8.tflite"):
        found = json.loads(run("inspect", shared_export / name, "--json").out)["memory"]
        assert found["arena"] >= found["bytes"] > 0
        kind = found["operator"].split()[0]
        assert f"at once, at {kind}" in run("inspect", shared_export / name).out


@pytest.mark.parametrize("more", [("--memory",), ("--sustained", 5), ("--device", "host")])
def test_an_estimate_does_not_go_with_what_measures(
    run: Run, shared_export: Path, more: tuple[object, ...]
) -> None:
    outcome = run("bench", shared_export, "--estimate", "sm8650", *more)
    assert outcome.code == 2
    assert f"--estimate measures nothing and cannot be combined with {more[0]}" in outcome.err


def test_pictures_that_are_not_read_are_said_at_once(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(photos / "evaluation", folder)
    (folder / "IMG_1.AVIF").write_bytes(b"")
    outcome = run("evaluate", "espcn-x2", "--set", folder, "--json")
    assert f"1 file of {folder} is not read (.avif): convert to JPEG or PNG." in outcome.err


def test_reports_count_parameters_as_inspect_does(run: Run, shared_export: Path) -> None:
    """Factors of a Resize and tensors that nothing reads are none."""
    (report,) = read_reports(shared_export)
    form = json.loads(run("inspect", shared_export / "onnx-float.onnx", "--json").out)
    assert report.parameters == form["parameters"] == form["model_parameters"]
    model = parsed(
        'b = Resize<mode="nearest">(image, , factors) out = Conv<pads=[1,1,1,1]>(b, w)',
        {"factors": np.float32([1, 1, 2, 2]), "w": np.ones((3, 3, 3, 3), np.float32)},
        size="8,8",
        channels=3,
    )
    assert parameters_of(model) == 81


@pytest.mark.parametrize("pixels", [PixelRange(-1.0, 1.0), PixelRange(0.0, 255.0)])
def test_the_pixel_range_adds_no_parameters(tmp_path: Path, pixels: PixelRange) -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]> own (float[1,3,16,16] image, '
        "float[1,1,16,16] sigma) => (float[1,3,16,16] out) { a = Concat<axis=1>(image, sigma) "
        "b = Conv<pads=[1,1,1,1]>(a, w) out = Add(b, image) }"
    )
    weight = np.ones((3, 4, 3, 3), np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    path = tmp_path / "own.onnx"
    onnx.save(model, path)
    read = open_model(str(path), pixels, ((16, 16),))
    added = {node.op_type for node in read.model.graph} - {"Concat", "Conv", "Add"}
    assert "Mul" in added
    assert parameters_of(read.model) == 108
