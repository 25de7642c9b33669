"""verify on files that are damaged, alone, or nobody's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.pipeline.check.first_difference import first_difference
from edge_imgq.pipeline.image_selection import evaluation_images
from tests.cli.conftest import Outcome, Run


def target(outcome: Outcome, name: str) -> dict[str, Any]:
    (found,) = (row for row in json.loads(outcome.out)["targets"] if row["target"] == name)
    return dict(found)


@pytest.mark.parametrize(
    "spoil",
    [lambda data: data[: len(data) // 3], lambda data: b"none of ours"],
    ids=["cut", "text"],
)
def test_a_damaged_file_is_named_and_the_others_are_verified(
    run: Run, exported: Path, photos: Path, spoil: Any
) -> None:
    broken = exported / "tflite-int8.tflite"
    broken.write_bytes(spoil(broken.read_bytes()))
    words = ("verify", exported, "--images", photos / "evaluation")
    outcome = run(*words, "--json")
    assert outcome.code == ModelError.exit_code
    report = json.loads(outcome.out)
    assert [row["target"] for row in report["targets"]] == [
        "onnx-float", "onnx-int8", "tflite-float", "tflite-gpu"
    ]  # fmt: skip
    (left_out,) = report["not_run"]
    assert left_out["file"] == broken.name
    said = [line for line in outcome.err.splitlines() if line.startswith("edge-imgq: ")]
    assert len(said) == 1
    assert str(broken) in said[0]
    for word in ("unpack", "struct", "offset", "Error"):
        assert word not in said[0]
    assert broken.name in run(*words).out
    alone = run("verify", broken)
    assert (alone.code, alone.out) == (ModelError.exit_code, "")


def test_a_file_made_from_another_reference_keeps_no_other_from_being_verified(
    run: Run, exported: Path, photos: Path
) -> None:
    (exported / "reference" / "int8.onnx").unlink()
    outcome = run("verify", exported, "--images", photos / "evaluation", "--json")
    assert outcome.code == ModelError.exit_code
    assert {row["file"] for row in json.loads(outcome.out)["not_run"]} == {
        "onnx-int8.onnx", "tflite-int8.tflite"
    }  # fmt: skip
    assert target(outcome, "tflite-float")["conversion"]["within_1"] == 1


def test_one_file_is_measured_on_the_images_that_its_folder_is_measured_on(
    run: Run, exported: Path, photos: Path
) -> None:
    sibling = exported / "tflite-float.tflite"
    one, seven = b'"edge_imgq.multiple": "1"', b'"edge_imgq.multiple": "7"'
    assert sibling.read_bytes().count(one) == 1
    words = ("--images", photos / "evaluation", "--json")
    before = run("verify", exported / "onnx-int8.onnx", *words)
    sibling.write_bytes(sibling.read_bytes().replace(one, seven))
    whole = run("verify", exported, *words)
    alone = run("verify", exported / "onnx-int8.onnx", *words)
    assert target(alone, "onnx-int8")["vs_reference"] == target(whole, "onnx-int8")["vs_reference"]
    # Photographs of 60x80 are cut to 56x77 then, so the figures are others than before.
    assert target(alone, "onnx-int8")["vs_reference"] != target(before, "onnx-int8")["vs_reference"]


def test_a_model_that_was_never_exported_is_told_what_verify_takes(run: Run, tiny: Path) -> None:
    outcome = run("verify", tiny)
    assert outcome.code == ModelError.exit_code
    assert "`verify` takes files that `edge-imgq export` wrote" in outcome.err
    assert "export the model again" not in outcome.err.lower()


def test_a_raw_model_beside_references_is_told_what_is_missing(
    run: Run, exported: Path, tiny: Path
) -> None:
    raw = exported / "raw.onnx"
    raw.write_bytes(tiny.read_bytes())
    outcome = run("verify", raw)
    assert outcome.code == ModelError.exit_code
    assert f"{raw} does not say what its pixels mean. " in outcome.err
    assert "edge_imgq.model" not in outcome.err


def test_an_int8_file_is_run_by_tflites_own_kernels_too(
    run: Run, exported: Path, photos: Path
) -> None:
    outcome = run("verify", exported, "--images", photos / "evaluation", "--json", "--no-bench")
    found = target(outcome, "tflite-int8")["builtin_kernels"]
    assert 1 <= found["images"] <= 2
    assert found["agreement"]["within_1"] > 0.9
    assert abs(found["vs_reference"]["mean"] - found["xnnpack"]["mean"]) < 1
    for other in ("tflite-float", "onnx-int8"):
        assert "skipped" in target(outcome, other)["builtin_kernels"]


def test_the_folder_that_a_command_runs_in_has_a_name(
    run: Run, exported: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(exported)
    words = ("--images", photos / "evaluation", "--no-bench")
    assert f"open the files of {exported.name}: " in run("verify", "onnx-float.onnx", *words).err


def test_an_onnx_file_is_compared_with_its_graph_tensor_by_tensor(
    exported: Path, photos: Path
) -> None:
    images = evaluation_images(photos / "evaluation")
    for name in ("onnx-float", "onnx-int8", "tflite-float", "tflite-int8"):
        (path,) = exported.glob(f"{name}.*")
        assert first_difference(exported, path, images) == "", name
    path = exported / "onnx-int8.onnx"
    model = onnx.load(path)
    (weight,) = (w for w in model.graph.initializer if list(w.dims) == [3, 8, 1, 1])
    values = onnx.numpy_helper.to_array(weight).copy()
    values[1] = 255 - values[1]
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(model, path)
    said = first_difference(exported, path, images)
    assert said is not None
    assert weight.name in said
    assert first_difference(exported / "gone", path, images) is None


def test_a_file_that_was_changed_after_its_export_is_named_beside_its_figures(
    run: Run, exported: Path, photos: Path
) -> None:
    words = ("verify", exported, "--images", photos / "evaluation", "--no-bench")
    assert "changed since export" not in run(*words).out
    with (exported / "tflite-float.tflite").open("ab") as file:
        file.write(b"\0" * 4)
    outcome = run(*words)
    text = " ".join(outcome.out.split())
    assert outcome.code == 0
    assert (
        "! tflite-float.tflite is not the file in the report of its export: its bytes were changed."
    ) in text
    assert "changed since export: tflite-float.tflite." in text
    assert text.count("These figures are of the file as it is.") == 1
    assert "If the change was not meant, export the model again." in text
    other = json.loads(run(*words, "--json").out)
    assert other["changed_files"] == [
        {"file": "tflite-float.tflite", "reason": "its bytes were changed"}
    ]
