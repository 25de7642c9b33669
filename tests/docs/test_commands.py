"""Every command that the README shows is run as it stands there, on small stand-ins.

The stand-ins lie in the working folder under the names that the README uses: `my.onnx`, which the
Python block of docs/own-model.md writes, photographs, pairs, and a manifest of small photographs.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data as skimage_data

from edge_imgq.cli.main import COMMANDS, build_parser, main
from edge_imgq.errors import UsageError
from edge_imgq.images.files import read_rgb
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from tests.conftest import CHECKOUT
from tests.docs.blocks import PAGES, README, blocks, commands

QUICK = {"train": ("--steps", "2", "--batch", "1", "--patch", "16"), "bench": ("--runs", "3")}
"""Words that a test adds, so that what takes hours takes a moment."""

TIMED_ONCE = ("export", "verify")
"""Commands that time files: the first of each does, the others get `--no-bench`."""

LEFT_OUT = {"chelsea", "camera"}
"""Photographs that are not needed: two are enough to evaluate on."""


def halved(photo: Image.Image) -> Image.Image:
    return photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.BICUBIC)


def write_photos(folder: Path) -> None:
    """Cut small pieces out of the photographs of the manifest."""
    for name in ("photos", "pairs/input", "pairs/truth", "T91", "General100", "Set5", "small"):
        (folder / name).mkdir(parents=True)
    manifest = []
    for image in read_manifest(default_manifest(Path("/nowhere"))):
        if image.name in LEFT_OUT:
            continue
        photo = Image.fromarray(read_rgb(image_path(image))[100:196, 100:228])
        path = folder / "small" / f"{image.name}.png"
        photo.save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        manifest.append(
            f'[[image]]\nname = "{image.name}"\nsource = "../small/{path.name}"\n'
            f'sha256 = "{digest}"\nlicence = "as before"\nsplit = "{image.split}"\n'
        )
        if image.split == "calibration":
            photo.save(folder / "photos" / path.name)
        else:
            photo.save(folder / "pairs" / "truth" / path.name)
            halved(photo).save(folder / "pairs" / "input" / path.name)
        for name in ("T91", "General100", "Set5"):
            photo.save(folder / name / path.name)
    (folder / "calibration_data").mkdir()
    (folder / "calibration_data" / "manifest.toml").write_text("\n".join(manifest))
    Image.fromarray(skimage_data.coffee()[100:260, 100:292]).save(folder / "photo.jpg")
    for camera in ("phone", "dslr"):
        (folder / camera).mkdir()
        scene = Image.fromarray(skimage_data.coffee()[:300, :400])
        scene.save(folder / camera / "scene.png")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work in a folder with all stand-ins."""
    folder = tmp_path_factory.mktemp("readme")
    write_photos(folder)
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def test_every_command_is_shown() -> None:
    assert {words[0] for words in commands(README)} == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_one_that_the_parser_takes(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in commands(page):
        parse_where_everything_is(words)


def parse_where_everything_is(words: list[str]) -> None:
    """Parse a command, making in the working folder every path that it finds missing."""
    for _ in words:
        try:
            build_parser().parse_args(words)
        except UsageError as error:
            missing = re.search(r"there is no file or folder (\S+?)\. ", str(error))
            if missing is None:
                raise
            path = Path(missing[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch() if path.suffix else path.mkdir()
        else:
            return
    pytest.fail(f"{words} never parse")


@pytest.fixture(scope="module")
def worked(workplace: Path) -> Path:
    """Run all commands of the README, one after the other, and return where."""
    (model,) = blocks(CHECKOUT / "docs" / "own-model.md", "python")
    subprocess.run([sys.executable, "-c", model], check=True, capture_output=True, cwd=workplace)
    seen = set()
    for words in commands(README):
        out, err = io.StringIO(), io.StringIO()
        untimed = ("--no-bench",) if words[0] in seen.intersection(TIMED_ONCE) else ()
        seen.add(words[0])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*words, *untimed, *QUICK.get(words[0], ())])
        assert code == 0, f"{' '.join(words)}: {err.getvalue()}"
        assert out.getvalue() or "--update" in words
    return workplace


@pytest.mark.slow
def test_the_commands_of_the_readme_do_what_they_say(worked: Path) -> None:
    made = ["artifacts/my/tflite-int8.tflite", "artifacts-photos/fsrcnn-x2/tflite-int8.tflite"]
    made += ["baseline.json", "my-app/models/export/tflite-int8.toml", "out/photo.jpg"]
    made += ["runs/fsrcnn/files/fsrcnn-x2/tflite-int8.tflite", "out-both/photo.jpg"]
    assert [name for name in made if not (worked / name).is_file()] == []
    report = json.loads((worked / "artifacts-photos/fsrcnn-x2/report.json").read_text())
    assert report["evaluation"] == "2 pairs of pairs"
    with Image.open("photo.jpg") as photo, Image.open("out-both/photo.jpg") as enhanced:
        assert enhanced.size == (2 * photo.width, 2 * photo.height)


@pytest.mark.slow
def test_the_files_run_on_a_pc_as_the_page_about_phones_shows(worked: Path) -> None:
    (program,) = blocks(CHECKOUT / "docs" / "phone.md", "python")
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=worked
    )
    assert done.stdout.strip() == "uint8 (1, 360, 640, 1)"


@pytest.mark.slow
def test_the_picture_is_made_from_the_files(worked: Path) -> None:
    # Away from the stand-ins' manifest: the picture shows a photograph of the one that ships.
    elsewhere = worked / "elsewhere"
    shutil.copytree(worked / "artifacts", elsewhere / "artifacts")
    script = CHECKOUT / "docs" / "pictures.py"
    command = [sys.executable, script, "--output", "picture.png"]
    subprocess.run(command, check=True, capture_output=True, cwd=elsewhere)
    made = np.asarray(Image.open(elsewhere / "picture.png"))
    committed = np.asarray(Image.open(CHECKOUT / "docs" / "pictures" / "fsrcnn-x2.png"))
    assert made.shape == committed.shape
