"""Operators that targets cannot express: refused at once, named once, with what can be done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.report.json_form import read_reports
from tests.cli.conftest import Run
from tests.small_models import whole_model


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model with an Atan, which neither format has, and a Gelu, which both have."""
    rng = np.random.default_rng(3)
    first = rng.normal(0, 0.1, (8, 3, 3, 3)).astype(np.float32)
    last = rng.normal(0, 0.1, (3, 8, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Atan", ["a"], ["b"], name="odd_one"),
        helper.make_node("Gelu", ["b"], ["c"], name="known"),
        helper.make_node("Sinh", ["c"], ["d"], name="other_one"),
        helper.make_node("Conv", ["d", "w2"], ["out"], kernel_shape=[1, 1]),
    ]
    path = tmp_path_factory.mktemp("odd") / "odd.onnx"
    onnx.save(whole_model(nodes, {"w1": first, "w2": last}), path)
    return path


def test_every_operator_is_named_once_with_its_targets_before_anything_slow(
    run: Run, odd: Path, tmp_path: Path
) -> None:
    words = ("--size", "48x64", "--target", "tflite", "--output", tmp_path / "out")
    outcome = run("export", odd, *words)
    assert outcome.code == UnsupportedOperatorError.exit_code
    heading, *lines = outcome.err[outcome.err.index("edge-imgq: ") :].strip().splitlines()
    assert heading == (
        "edge-imgq: No target has a form for 2 operators of 'odd', so no file was written:"
    )
    assert [lines[0], lines[2]] == ["  Atan 'odd_one'", "  Sinh 'other_one'"]
    for line in (lines[1], lines[3]):
        assert line.startswith("    tflite-float, tflite-gpu, tflite-int8: TFLite has no operator")
    assert len(lines) == 4
    assert outcome.err.count("odd_one") == 1
    assert "quantize" not in outcome.err
    assert not (tmp_path / "out").exists()


def test_formats_that_refuse_for_different_reasons_give_each_theirs(
    run: Run, odd: Path, tmp_path: Path
) -> None:
    pytest.importorskip("coremltools")
    words = ("--size", "48x64", "--target", "coreml-int8", "tflite-int8", "--output", tmp_path)
    outcome = run("export", odd, *words)
    assert outcome.code == UnsupportedOperatorError.exit_code
    assert outcome.err.count("odd_one") == 1
    assert "\n    coreml-int8: this operator is not lowered to Core ML; write it" in outcome.err
    assert "\n    tflite-int8: TFLite has no operator that computes it" in outcome.err


def test_the_other_targets_are_written_and_the_exit_code_tells(
    run: Run, odd: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("--images", photos / "evaluation", "--output", tmp_path, "--no-bench")
    words = ("--size", "48x64", "--target", "onnx-float", "tflite-float", "tflite-gpu", *words)
    outcome = run("export", odd, *words)
    assert outcome.code == UnsupportedOperatorError.exit_code
    files = sorted(entry.name for entry in (tmp_path / "odd").iterdir())
    assert files == ["onnx-float.onnx", "reference", "report.json"]
    (report,) = read_reports(tmp_path / "odd")
    assert [target.target for target in report.targets] == ["onnx-float"]
    failed = [(target.target, target.exit_code) for target in report.failed]
    assert failed == [("tflite-float", 6), ("tflite-gpu", 6)]
    assert "Atan 'odd_one'" in report.failed[0].reason
    said = " ".join(outcome.out.split())
    assert "! tflite-float, tflite-gpu: TFLite cannot express 2 operators of 'odd'" in said
    assert said.count("Atan 'odd_one'") == 1
    assert "--target onnx-float leaves out what refuses the model." in said
    assert "leave out tflite-float, tflite-gpu: " in outcome.err
    assert "no file was written" not in said
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "edge-imgq: not written: tflite-float, tflite-gpu\n" in outcome.err


def test_inspect_gives_the_answer_of_export_before_an_export(
    run: Run, odd: Path, photos: Path, tmp_path: Path
) -> None:
    words = (odd, "--size", "48x64")
    targets = ("onnx-float", "tflite", "tflite-npu", "coreml-fp16")
    images = ("--images", photos / "evaluation", "--output", tmp_path, "--json", "--no-bench")
    report = json.loads(run("export", *words, "--target", *targets, *images).out)
    form = json.loads(run("inspect", *words, "--json").out)
    failed = {target["target"]: target["reason"] for target in report["failed"]}
    for row in form["targets"]:
        if row["target"].startswith(targets) and row["target"] != "tflite-npu16":
            assert (row["target"] in failed) == bool(row["refused"])
        for refusal in row["refused"]:
            reason = failed.get(row["target"])
            assert reason is None or f"{refusal['operator']}: {refusal['reason']}" in reason
    text = run("inspect", *words).out
    said = " ".join(text.split())
    assert "export with --size 48x64 can write onnx-float, onnx-int8 not " in said
    assert (
        "not tflite-float, tflite-gpu, tflite-int8, tflite-npu, tflite-npu16, for Atan 'odd_one', "
        "Sinh 'other_one': TFLite has no operator"
    ) in said
    assert max(map(len, text.splitlines()[1:])) <= 80


def test_inspect_says_why_export_refuses_a_model_as_a_whole(
    run: Run, shared_export: Path, tmp_path: Path
) -> None:
    model = onnx.load(shared_export / "onnx-int8.onnx")
    del model.metadata_props[:]  # whoever made it
    onnx.save(model, tmp_path / "theirs.onnx")
    outcome = run("inspect", tmp_path / "theirs.onnx")
    assert outcome.code == run("export", tmp_path / "theirs.onnx", "--output", tmp_path).code == 5
    said = " ".join(outcome.out.split())
    assert "export refuses this model: " in said
    assert "give it the float model" in said
    # Of its own int8 file it says nothing of the kind: that is the result of an export.
    assert "export" not in run("inspect", shared_export / "onnx-int8.onnx").out.split("\n\n", 1)[1]


def test_many_nodes_of_one_kind_are_one_line(run: Run, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Atan", [f"v{index}"], [f"v{index + 1}"], name=f"atan_{index}")
        for index in range(40)
    ]
    nodes = [helper.make_node("Identity", ["image"], ["v0"]), *nodes]
    nodes.append(helper.make_node("GridSample", ["v40", "grid"], ["warped"], name="warp"))
    nodes.append(helper.make_node("Mul", ["image", "warped"], ["out"]))
    grid = np.zeros((1, 1, 1, 2), np.float32)
    onnx.save(whole_model(nodes, {"grid": grid}), tmp_path / "many.onnx")
    words = (tmp_path / "many.onnx", "--size", "48x64")
    targets = ("tflite", "coreml-int8")
    outcome = run("export", *words, "--target", *targets, "--output", tmp_path / "out")
    assert outcome.code == UnsupportedOperatorError.exit_code
    lines = outcome.err[outcome.err.index("edge-imgq: ") :].strip().splitlines()
    assert len(lines) == 7
    assert lines[1] == "  Atan (40 nodes, first 'atan_0')"
    assert lines[4] == "  GridSample 'warp'"
    assert "can be left to the app" in lines[5]
    said = " ".join(run("inspect", *words).out.split())
    assert "for Atan (40 nodes, first 'atan_0'): " in said
    assert "atan_1'" not in said
