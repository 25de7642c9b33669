"""`enhance --device`: the same pixels from another machine, which is let go of at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.devices.host import HostDevice
from edge_imgq.devices.protocol import DeviceSession
from edge_imgq.images.files import read_rgb
from edge_imgq.pipeline.enhance import on_device
from edge_imgq.skipped import Skipped
from tests.cli.conftest import Run


class Recorded(HostDevice):
    """This host as a device that runs no int8 file and says what is open on it."""

    def __init__(self) -> None:
        self.open_files: list[str] = []
        self.opened = 0

    def refusal(self, path: Path) -> str:
        return "it is an int8 file" if "int8" in path.name else ""

    def open(self, path: Path, threads: int) -> DeviceSession:
        session = super().open(path, threads)
        self.open_files.append(path.name)
        self.opened += 1
        session.close = self.open_files.clear  # type: ignore[method-assign]
        return session


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    found = Recorded()
    monkeypatch.setattr(on_device, "find_device", lambda _: found)
    return found


@pytest.fixture
def photo(photos: Path) -> Path:
    return photos / "evaluation" / "chelsea.png"


def test_a_device_gives_the_pixels_of_its_own_session_and_is_let_go_of(
    run: Run, exported: Path, photo: Path, tmp_path: Path, device: Recorded
) -> None:
    words = ("enhance", photo, "--model", exported / "tflite-float.tflite", "-o")
    assert run(*words, tmp_path / "here").code == 0
    assert device.opened == 0
    outcome = run(*words, tmp_path / "there", "--device", "recorded")
    assert outcome.code == 0, outcome.err
    assert (device.opened, device.open_files) == (1, [])
    here, there = (read_rgb(tmp_path / name / "chelsea.png") for name in ("here", "there"))
    np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize(
    ("model", "more", "code", "sentence"),
    [
        ("tflite-int8.tflite", (), 7, "host does not run {path}: it is an int8 file."),
        ("fsrcnn-x2", (), 2, "--device runs files that `edge-imgq export` wrote, and 'fsrcnn-x2'"),
        ("tflite-float.tflite", ("--workers", "2"), 2, "A device runs one photograph at a time"),
    ],
)
def test_what_a_device_cannot_do_is_a_sentence(
    run: Run, exported: Path, photo: Path, tmp_path: Path, device: Recorded,
    model: str, more: tuple[str, ...], code: int, sentence: str,
) -> None:  # fmt: skip
    path = exported / model
    named = path if path.exists() else model
    words = ("enhance", photo, "--model", named, "-o", tmp_path / "out", "--device", "x", *more)
    outcome = run(*words)
    assert outcome.code == code, outcome.err
    assert sentence.format(path=path) in " ".join(outcome.err.split())
    assert device.open_files == []
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_not_there_says_what_to_do(
    run: Run, exported: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Skipped("there is no adb. Install Android's platform tools.")
    monkeypatch.setattr(on_device, "find_device", lambda _: absent)
    words = ("--model", exported / "tflite-float.tflite", "-o", tmp_path / "out")
    outcome = run("enhance", photo, *words, "--device", "android")
    assert outcome.code == 7
    assert absent.reason in " ".join(outcome.err.split())
