"""One rule parts the exit codes, whichever the command: 2 for a path, 3 to 5 for what it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from .conftest import Run

OUT = ("--output", "{at}/out")
INT8 = ("export", "fsrcnn-x2", "--target", "onnx-int8", *OUT)

TAKING: dict[str, tuple[str, ...]] = {
    "export a model": ("export", "{path}", *OUT),
    "export by a scheme": (*INT8, "--scheme", "{path}"),
    "export with calibration": (*INT8, "--calibration", "{path}"),
    "export measured on images": (*INT8, "--images", "{path}"),
    "inspect": ("inspect", "{path}"),
    "verify": ("verify", "{path}"),
    "bench": ("bench", "{path}"),
    "check": ("check", "{path}", "--baseline", "{at}/known.json"),
    "check against": ("check", "{at}/report.json", "--baseline", "{path}"),
    "history": ("history", "{path}"),
    "enhance": ("enhance", "{path}", "--model", "fsrcnn-x2", *OUT),
    "enhance by a model": ("enhance", "{at}/photo.png", "--model", "{path}", *OUT),
    "sensitivity": ("sensitivity", "{path}", *OUT),
    "sensitivity of a scheme": ("sensitivity", "fsrcnn-x2", "--scheme", "{path}", *OUT),
    "evaluate": ("evaluate", "{path}", "--set", "{at}"),
    "evaluate on a set": ("evaluate", "fsrcnn-x2", "--set", "{path}"),
    "align": ("align", "{path}", "{at}", *OUT),
    "train": ("train", "fsrcnn-x2", "--data", "{path}", *OUT),
}
"""What takes a path, by what it does with it."""

READS = {
    "export a model": ".onnx", "inspect": ".onnx", "verify": ".tflite", "bench": ".tflite",
    "enhance by a model": ".tflite", "sensitivity": ".onnx", "evaluate": ".onnx",
    "export by a scheme": ".toml", "sensitivity of a scheme": ".toml",
    "check": ".json", "check against": ".json", "history": ".jsonl", "enhance": ".png",
}  # fmt: skip
"""Suffix of a file that it reads; it takes a folder of images where there is none."""

HELD = {".onnx": 5, ".tflite": 5, ".toml": 3, ".json": 3, ".jsonl": 3, ".png": 4}
"""Exit code for a file of a suffix that holds something else."""


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """A folder with a photograph, and with a baseline and a report that say nothing."""
    Image.new("RGB", (64, 48)).save(tmp_path / "photo.png")
    (tmp_path / "known.json").write_text('{"schema": 2, "tolerances": {}, "models": {}}')
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    return tmp_path


def words(name: str, path: Path, at: Path) -> list[str]:
    return [word.format(path=path, at=at) for word in TAKING[name]]


@pytest.mark.parametrize("name", TAKING)
@pytest.mark.parametrize("kind", ["absent", "empty"])
def test_a_path_that_is_not_there_or_of_another_kind_is_2(
    run: Run, at: Path, name: str, kind: str
) -> None:
    absent = f"absent{READS.get(name, '')}" if kind == "absent" else kind
    outcome = run(*words(name, at / absent, at))
    assert outcome.code == (8 if (name, kind) == ("check against", "empty") else 2), outcome.err
    assert absent in outcome.err
    assert not (at / "out").exists()


@pytest.mark.parametrize(
    "name", [n for n, suffix in READS.items() if suffix not in (".json", ".jsonl", ".png")]
)
def test_a_photograph_in_place_of_another_file_is_2(run: Run, at: Path, name: str) -> None:
    outcome = run(*words(name, at / "photo.png", at))
    assert outcome.code == 2, outcome.err
    assert "photo.png" in outcome.err


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("held", [b"none of it", b"\xff\xfe\x00\x9c" * 9], ids=["text", "bytes"])
def test_a_file_that_holds_something_else_has_the_code_of_its_kind(
    run: Run, at: Path, name: str, held: bytes
) -> None:
    path = at / f"damaged{READS[name]}"
    path.write_bytes(held)
    outcome = run(*words(name, path, at))
    assert outcome.code == HELD[READS[name]], outcome.err
    # Verify looks for the reference beside a file first.
    assert (path.name if name != "verify" else "float reference") in outcome.err
    assert "codec" not in outcome.err


def test_an_error_is_json_where_json_was_asked_for(run: Run, at: Path) -> None:
    (at / "half.onnx").write_bytes(b"none of it")
    outcome = run("inspect", at / "half.onnx", "--json")
    form = json.loads(outcome.out)
    assert form["exit_code"] == outcome.code == 5
    assert form["error"] in outcome.err
    absent = run("inspect", at / "absent.onnx", "--json")
    assert json.loads(absent.out)["exit_code"] == absent.code == 2


def test_pictures_that_are_not_read_are_counted_once(run: Run, at: Path) -> None:
    (at / "empty" / "one.heic").write_bytes(b"")
    outcome = run(*INT8[:-1], at / "out", "--images", at / "empty")
    assert outcome.code == 2
    assert outcome.err.count("1 file of") == 1


def test_a_baseline_in_a_new_folder_says_that_it_was_made(
    run: Run, shared_export: Path, at: Path
) -> None:
    words = ("check", shared_export, "--update", "--baseline")
    made = run(*words, at / "kept" / "baseline.json")
    assert made.code == 0
    assert f"The folder {at / 'kept'} was not there, and was made." in made.err
    assert "was made" not in run(*words, at / "kept" / "again.json").err
