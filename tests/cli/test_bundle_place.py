"""What a bundle replaces, what it refuses to replace, and what it says that it left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run

TARGET = ("--target", "tflite-int8")


def report_of(folder: Path) -> dict[str, list[dict[str, object]]]:
    """Return the report of a model's folder."""
    form: dict[str, list[dict[str, object]]] = json.loads((folder / "report.json").read_text())
    return form


def forget(folder: Path, target: str) -> dict[str, object]:
    """Leave the file of a target where it is, and take it out of the report; return its entry."""
    report = report_of(folder)
    (entry,) = [one for one in report["targets"] if one["target"] == target]
    report["targets"].remove(entry)
    (folder / "report.json").write_text(json.dumps(report))
    return entry


def renamed(bundle: Path, model: str) -> None:
    """Make a bundle one of another model."""
    path = bundle / "contract.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model": model}))


def test_a_bundle_of_the_same_model_is_replaced_with_its_zip(
    exported: Path, tmp_path: Path, run: Run
) -> None:
    words = ("bundle", exported, *TARGET, "-o", tmp_path / "app")
    first = run(*words, "--zip")
    assert "replaced" not in first.err
    again = run(*words)
    assert again.code == 0
    assert f"{tmp_path}/app was a bundle of tiny and was replaced.\n" in again.err
    assert "app.zip" not in again.err  # It is of the same bundle.
    other = run(*words, "--author", "A. Person")
    assert f"{tmp_path}/app.zip does not belong to this bundle: remove it" in other.err
    both = run(*words, "--author", "A. Person", "--zip")
    assert f"{tmp_path}/app.zip was replaced, too.\n" in both.err


def test_what_somebody_added_or_changed_is_not_replaced(
    exported: Path, bundled: Path, run: Run
) -> None:
    own = bundled / "android" / "MyOwn.kt"
    own.write_text("mine")
    (bundled / "android" / "link").symlink_to(own)
    (bundled / "android" / "Tiles.kt").write_text("mended")
    outcome = run("bundle", exported, *TARGET, "-o", bundled)
    assert outcome.code == 2
    assert ": android/MyOwn.kt, android/Tiles.kt, android/link. A bundle" in outcome.err
    assert (own.read_text(), (bundled / "android" / "Tiles.kt").read_text()) == ("mine", "mended")


def test_a_bundle_of_another_model_is_refused(exported: Path, bundled: Path, run: Run) -> None:
    renamed(bundled, "other")
    outcome = run("bundle", exported, *TARGET, "-o", bundled)
    assert outcome.code == 2
    assert f"{bundled} is a bundle of other, and this is one of tiny: name" in outcome.err
    assert json.loads((bundled / "contract.json").read_text())["model"] == "other"


@pytest.mark.parametrize("damage", ["SHA256SUMS", "contract.json"])
def test_a_folder_that_only_looks_like_a_bundle_is_refused(
    exported: Path, bundled: Path, run: Run, damage: str
) -> None:
    (bundled / damage).write_text("[1]")
    outcome = run("bundle", exported, *TARGET, "-o", bundled)
    assert (outcome.code, "holds files that are not a bundle" in outcome.err) == (2, True)


def test_a_zip_that_is_no_bundle_of_the_model_is_refused(
    exported: Path, bundled: Path, tmp_path: Path, run: Run
) -> None:
    words = ("bundle", exported, *TARGET, "--zip", "-o")
    archive = tmp_path / "new.zip"
    archive.write_bytes(b"mine")
    outcome = run(*words, tmp_path / "new")
    assert (outcome.code, archive.read_bytes()) == (2, b"mine")
    assert f"{archive} is not a bundle of tiny, and --zip would replace it" in outcome.err
    renamed(bundled, "other")
    shutil.make_archive(str(tmp_path / "new"), "zip", tmp_path, "app")
    assert run(*words, tmp_path / "new").code == 2
    assert not (tmp_path / "new").exists()


def test_files_that_the_last_report_does_not_have_are_named(
    exported: Path, tmp_path: Path, run: Run
) -> None:
    forget(exported, "tflite-float")
    left = f"Left out: tflite-float.tflite, which is in {exported}: the last export did not"
    outcome = run("bundle", exported, "-o", tmp_path / "app")
    assert (outcome.code, left in outcome.err) == (0, True)
    assert not (tmp_path / "app" / "models" / "tflite-float.tflite").exists()
    assert left in run("bundle", exported, "--target", "tflite", "-o", tmp_path / "b").err
    assert "Left out" not in run("bundle", exported, *TARGET, "-o", tmp_path / "c").err


def test_a_target_that_is_not_there_is_refused_with_the_reason(
    exported: Path, tmp_path: Path, run: Run
) -> None:
    entry = forget(exported, "tflite-float")

    def refused(target: str) -> str:
        outcome = run("bundle", exported, "--target", target, "-o", tmp_path / "app")
        assert outcome.code == 2
        return " ".join(outcome.err.split())

    lies = refused("tflite-float")
    assert "tflite-float.tflite is there, but the last export did not write it." in lies
    assert "What can be named here: onnx-float, onnx-int8, tflite-" in lies
    assert "The last export did not write one. To bundle it," in refused("coreml-int8")
    report = report_of(exported)
    report["failed"] = [{"target": "coreml-int8", "reason": "No.", "exit_code": 5, "trace": ""}]
    report["not_run"] = [{"file": entry["file"], "reason": "It stopped.", "exit_code": 1}]
    (exported / "report.json").write_text(json.dumps(report))
    assert "coreml-int8 got no file: No. What can" in refused("coreml-int8")
    assert "is there, but it was not measured. It stopped." in refused("tflite-float")
