"""Every command of the README and the page of commands is run as it stands, on small stand-ins.

The stand-ins lie in the working folder under the names that the README uses: `my.onnx`, which the
Python blocks of docs/own-model.md write, photographs, pairs, and a manifest of small photographs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge_imgq.cli.main import COMMANDS, build_parser
from edge_imgq.devices import stopwatch
from edge_imgq.errors import UsageError
from tests.conftest import CHECKOUT
from tests.docs.blocks import COMMANDS_PAGE, PAGES, README, blocks, commands
from tests.docs.run import run
from tests.docs.stand_ins import write_photos

# The pages say that torch's exporter warns of a name of its own.
pytestmark = pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning")

QUICK = {"train": ("--steps", "2", "--batch", "1", "--patch", "16"), "bench": ("--runs", "3")}
"""Words that a test adds, so that what takes hours takes a moment."""

AGAIN = {"export": ("--no-bench", "--scheme", "int8-fast"), "verify": ("--no-bench",)}
"""Words that a test adds to all but the first of a command: that one times its files, and rounds
weights as the recipes say."""


@pytest.fixture(scope="module", autouse=True)
def hurried(small_patches: None) -> Iterator[None]:
    """Quantize on small patches, and time files by few calls, however busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stopwatch, "ENOUGH", 0)
        patch.setattr(stopwatch, "WARMING", 0.1)
        yield


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work in a folder with all stand-ins."""
    folder = tmp_path_factory.mktemp("readme")
    write_photos(folder)
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def shown() -> list[list[str]]:
    """Return the commands of the README, `make demo` before them, and of the page of commands."""
    return [["export", "--target", "all"], *commands(README), *commands(COMMANDS_PAGE)]


def test_every_command_is_shown() -> None:
    assert {words[0] for words in shown()} == set(COMMANDS)


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
    """Run all commands that are shown, one after the other, and return where."""
    written_and_compared = "\n".join(blocks(CHECKOUT / "docs" / "own-model.md", "python"))
    exec(compile(written_and_compared, "own-model.md", "exec"), {"__name__": "__main__"})
    seen: set[str] = set()
    for words in shown():
        again = AGAIN.get(words[0], ()) if words[0] in seen else ()
        seen.add(words[0])
        run(words, (*again, *QUICK.get(words[0], ())))
    return workplace


@pytest.mark.slow
def test_the_commands_of_the_readme_do_what_they_say(worked: Path) -> None:
    made = ["artifacts/my/tflite-int8.tflite", "artifacts-photos/fsrcnn-x2/tflite-int8.tflite"]
    made += ["baseline.json", "my-app/models/export/tflite-int8.toml", "out/photo.jpg"]
    made += ["runs/fsrcnn/files/fsrcnn-x2/tflite-int8.tflite", "out-both/photo.jpg"]
    assert [name for name in made if not (worked / name).is_file()] == []
    report = json.loads((worked / "artifacts-photos/fsrcnn-x2/report.json").read_text())
    assert report["evaluation"] == "2 pairs in pairs/"
    with Image.open("photo.jpg") as photo, Image.open("out-both/photo.jpg") as enhanced:
        assert enhanced.size == (2 * photo.width, 2 * photo.height)


@pytest.mark.slow
def test_the_python_of_the_readme_does_what_it_says(worked: Path) -> None:
    (program,) = blocks(README, "python")
    names: dict[str, Any] = {}
    exec(compile(program, "README.md", "exec"), names)
    assert names["x2"]["tflite-int8"].path.is_file()
    with Image.open(worked / "photo.jpg") as photo:
        assert names["enlarged"].shape == (2 * photo.height, 2 * photo.width, 3)


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
