"""One target that fails: the files of the others are kept, and the report and the code say so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_imgq.errors import FaultError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite import format as tflite
from edge_imgq.quantize import quantize
from tests.cli.conftest import Run
from tests.small_models import whole_model

Spoil = Any


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> Spoil:
    """Return what makes the writer of TFLite files spoil the int8 one."""

    def spoil(how: Any) -> None:
        write = tflite.FUNCTIONS.write

        def writing(model: Any, order: ExportSpec, path: Path) -> None:
            write(model, order, path)
            if path.stem == "tflite-int8":
                how(order, path)

        monkeypatch.setattr(tflite, "FUNCTIONS", replace(tflite.FUNCTIONS, write=writing))

    return spoil


def without_an_operator(order: ExportSpec, path: Path) -> None:
    """Give the first operator a code that no runtime knows, in a file that is whole."""
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import Builder

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    code = model.operatorCodes[0]
    code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, b"nobody"
    code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    builder = Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def without_an_operator_unless_plain(order: ExportSpec, path: Path) -> None:
    if not order.plain:
        without_an_operator(order, path)


def crashing(order: ExportSpec, path: Path) -> None:
    raise KeyError("nobody foresaw this")


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


REST = ["onnx-float.onnx", "onnx-int8.onnx", "reference", "report.json",
        "tflite-float.tflite", "tflite-gpu.tflite"]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        (without_an_operator, "its runtime does not run the file that edge-imgq wrote: "),
        (crashing, "this is a fault in edge-imgq, not in your model: KeyError"),
    ],
)
def test_a_file_that_does_not_open_is_removed_and_the_others_stay(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, spoilt: Spoil, how: Any, sentence: str
) -> None:
    spoilt(how)
    outcome = run(*exporting, "--no-bench", "--output", tmp_path)
    assert outcome.code == FaultError.exit_code == 70
    assert entries(tmp_path / "tiny") == REST
    report = json.loads((tmp_path / "tiny" / "report.json").read_text())
    assert [target["file"] for target in report["targets"]] == [
        name for name in REST if name not in ("reference", "report.json")
    ]
    (failed,) = report["failed"]
    assert (failed["target"], failed["exit_code"]) == ("tflite-int8", 70)
    assert failed["reason"].startswith(sentence)
    assert "lease report it." in failed["reason"]
    assert "if it is damaged" not in failed["reason"]
    assert "\ntflite-int8 !  no file " in outcome.out
    assert sentence in " ".join(outcome.out.split())
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "edge-imgq: not written: tflite-int8\n" in outcome.err


def test_a_file_that_opens_in_its_plain_form_alone_is_written_so(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, spoilt: Spoil
) -> None:
    spoilt(without_an_operator_unless_plain)
    outcome = run(*exporting, "--no-bench", "--output", tmp_path)
    assert outcome.code == 0, outcome.err
    assert entries(tmp_path / "tiny") == [*REST, "tflite-int8.tflite"]
    report = json.loads((tmp_path / "tiny" / "report.json").read_text())
    assert report["failed"] == []
    assert len(report["targets"]) == 5
    (advice,) = (a for a in report["advice"] if "without the forms" in a)
    assert advice.startswith("tflite-int8 was written without the forms that make it fast.")
    assert "its runtime does not run" in advice


def test_a_scheme_that_fails_takes_its_own_files_along_and_no_others(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr(quantize, "quantize_prepared", failing)
    outcome = run(*exporting, "--no-bench", "--output", tmp_path)
    assert outcome.code == 70
    report = json.loads((tmp_path / "tiny" / "report.json").read_text())
    assert {failed["target"] for failed in report["failed"]} == {"onnx-int8", "tflite-int8"}
    assert all("KeyError: 'nobody foresaw" in failed["reason"] for failed in report["failed"])
    assert {target["file"] for target in report["targets"]} == {
        "onnx-float.onnx", "tflite-float.tflite", "tflite-gpu.tflite"
    }  # fmt: skip


def test_where_no_target_is_left_the_error_is_the_commands(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, spoilt: Spoil
) -> None:
    spoilt(without_an_operator)
    words = [word for word in exporting if word != "onnx"]
    words[words.index("tflite")] = "tflite-int8"
    outcome = run(*words, "--no-bench", "--output", tmp_path)
    assert outcome.code == 70
    assert "please report it." in outcome.err
    assert not (tmp_path / "tiny").exists()


def test_a_network_that_returns_the_noise_is_never_the_same(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    """Half of a residual lies below zero, and pixels keep none of that."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    for channel in range(3):
        kernel[channel, channel] = [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]
    conv = helper.make_node("Conv", ["image", "w"], ["out"], pads=[1, 1, 1, 1])
    onnx.save(whole_model([conv], {"w": kernel}), tmp_path / "noise.onnx")
    words = ("export", tmp_path / "noise.onnx", "--size", "48x64", "--target", "onnx-float")
    images = ("--images", photos / "evaluation", "--output", tmp_path, "--no-bench")
    targets = ("tflite-float", "tflite-int8", "--scheme", "int8-fast")
    outcome = run(*words, *targets, "--calibration", photos / "calibration", *images)
    assert outcome.code == 1
    assert "same" not in outcome.out
    said = " ".join(outcome.out.split())
    assert "onnx-float, tflite-float, tflite-int8: clips " in said
    assert "most of the loss" not in said  # which is not int8's
    assert "subtract it inside the model" in said
    report = json.loads((tmp_path / "noise" / "report.json").read_text())
    found = report["output_range"]
    assert 0.3 < found["below"] < 0.7
    assert found["lost"] > 0.1
    assert all(target["vs_reference"]["mean"] < 50 for target in report["targets"])


def squares(largest: float) -> onnx.ModelProto:
    """Return a model that takes the root of its features' squares; the image is nearly its own."""
    kernel = (np.eye(3) * largest**0.5).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["features"]),
        helper.make_node("Mul", ["features", "features"], ["squared"], name="square"),
        helper.make_node("Sqrt", ["squared"], ["root"]),
        helper.make_node("Conv", ["root", "back"], ["out"]),
    ]
    shape = (3, 3, 1, 1)
    back = np.linalg.inv(kernel).astype(np.float32)
    return whole_model(nodes, {"w": kernel.reshape(shape), "back": back.reshape(shape)})


def test_a_gpu_file_whose_numbers_leave_float16_is_refused_with_the_node(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    images = ("--images", photos / "evaluation", "--output", tmp_path, "--no-bench")
    words = ("export", tmp_path / "net.onnx", "--size", "48x64", "--target", "tflite-float")
    onnx.save(squares(30000), tmp_path / "net.onnx")
    outcome = run(*words, "tflite-gpu", *images)
    assert outcome.code == 0, outcome.err
    assert "tflite-gpu.tflite" in entries(tmp_path / "net")

    onnx.save(squares(300000), tmp_path / "net.onnx")
    outcome = run(*words, "tflite-gpu", *images)
    assert outcome.code == 9
    assert entries(tmp_path / "net") == ["reference", "report.json", "tflite-float.tflite"]
    report = json.loads((tmp_path / "net" / "report.json").read_text())
    (failed,) = report["failed"]
    assert (failed["target"], failed["exit_code"]) == ("tflite-gpu", 9)
    assert "'squared' reaches " in failed["reason"]
    assert "ends at 65504" in failed["reason"]
