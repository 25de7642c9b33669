"""Ctrl-C and a full disk, in processes of their own: nothing half-written stays."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_imgq.recipe.folders import shipped_folder

from .forking import PATIENCE, Command, Forks

Start = Callable[[tuple[object, ...]], Command]

PROGRAM = [sys.executable, "-m", "edge_imgq"]


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Return what commands are forked from."""
    found = Forks()
    yield found
    found.close()


@pytest.fixture
def start(forks: Forks, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Start a command in the test's folder."""

    def started(words: tuple[object, ...]) -> Command:
        return forks.start(words, tmp_path, tmp_path_factory.mktemp("said") / "stderr.txt")

    return started


def interrupt_when(
    command: Command, said: str, order: signal.Signals = signal.SIGINT
) -> tuple[int, str]:
    """Send Ctrl-C, or another order, once a line on stderr holds `said`."""
    command.wait_for(said)
    command.send(order)
    return command.ended(), command.stderr


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("moment", ["open", "quantize", "write tflite", "verify on", "time "])
def test_ctrl_c_during_export_exits_with_130_and_leaves_nothing(
    start: Start, exporting: tuple[object, ...], tmp_path: Path, moment: str
) -> None:
    command = start((*exporting, "--output", "out"))
    code, err = interrupt_when(command, moment)
    if code == 0:  # it was faster than the signal
        assert (tmp_path / "out" / "tiny" / "report.json").exists()
        return
    assert code == 130, err
    assert err.rstrip().splitlines()[-1] == (
        "edge-imgq: Interrupted; nothing half-written was left behind."
    )
    assert "Traceback" not in err
    assert everything(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_during_export_clean_up_as_ctrl_c_does(
    start: Start, exporting: tuple[object, ...], tmp_path: Path, number: signal.Signals
) -> None:
    command = start((*exporting, "--output", "out"))
    code, err = interrupt_when(command, "write tflite", number)
    assert code in (0, 143), err
    if code == 143:
        assert "nothing half-written" in err
        assert everything(tmp_path) == []


def test_ctrl_c_during_a_second_export_keeps_the_first(
    start: Start, exporting: tuple[object, ...], exported: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    command = start((*exporting, "--output", exported.parent))
    code, err = interrupt_when(command, "write tflite-int8")
    assert code in (0, 130), err
    if code == 130:
        after = {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()}
        assert after == before


def test_an_export_that_was_interrupted_while_fine_tuning_goes_on_from_there(
    start: Start, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "quantize").mkdir()
    recipe = (shipped_folder("quantize") / "int8.toml").read_text()
    changed = recipe.replace("tuning = 0", "tuning = 100")
    (tmp_path / "quantize" / "int8.toml").write_text(changed)
    state = tmp_path / "out" / "tiny" / ".tuning-int8.state"
    command = start((*exporting, "--output", "out"))
    begun = time.monotonic()
    while not state.exists():
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.02)
    command.send()
    code, err = command.ended(), command.stderr
    assert code == 130, err
    assert f"Fine-tuning so far is kept in {state.relative_to(tmp_path)}" in err
    assert everything(tmp_path / "out") == ["tiny", "tiny/.tuning-int8.state"]

    command = start((*exporting, "--output", "out"))
    code, err = command.ended(), command.stderr
    assert code in (0, 1), err
    assert "fine-tune (int8), 51 of 100" in err
    assert "fine-tune (int8), 50 of 100" not in err
    assert "report.json" in everything(tmp_path / "out" / "tiny")
    assert not state.exists()


@pytest.fixture
def training(tmp_path: Path) -> tuple[object, ...]:
    """Return the words of a training run that would take hours."""
    rng = np.random.default_rng(5)
    (tmp_path / "data").mkdir()
    for index in range(2):
        pixels = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / f"{index}.png")
    return (
        *("train", "fsrcnn-x2", "--data", "data", "--output", "run", "--steps", 100_000),
        *("--batch", 1, "--patch", 16, "--threads", 1),
    )


def test_ctrl_c_during_training_leaves_a_whole_checkpoint_that_resumes(
    start: Start, training: tuple[object, ...], tmp_path: Path
) -> None:
    from edge_imgq.train.checkpoint import read_checkpoint

    code, err = interrupt_when(start(training), "train fsrcnn-x2")
    assert code == 130, err
    assert "run/checkpoint.safetensors is whole; the same command with --resume" in err
    assert set(everything(tmp_path / "run")) <= {"checkpoint.safetensors", "log.jsonl"}
    first = read_checkpoint(tmp_path / "run" / "checkpoint.safetensors")[0].step
    assert first > 0

    code, err = interrupt_when(start((*training, "--resume")), "train fsrcnn-x2")
    assert code == 130, err
    assert read_checkpoint(tmp_path / "run" / "checkpoint.safetensors")[0].step > first


def limited(limit: int) -> Callable[[], None]:
    """Return what makes writing fail as on a full disk, in a child process."""

    def limit_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return limit_files


def test_a_disk_that_fills_during_export_exits_with_8_and_leaves_nothing(
    exporting: tuple[object, ...], tmp_path: Path
) -> None:
    outcome = subprocess.run(
        [*PROGRAM, *map(str, exporting), "--output", "out"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        preexec_fn=limited(1000),
        check=False,
    )
    assert outcome.returncode == 8, outcome.stderr
    assert "could not be written" in outcome.stderr
    assert everything(tmp_path) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Path:
    """Return a folder on a file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only the superuser can mount a tiny disk, and only outside some containers")
    return folder


def test_a_disk_that_is_really_full_says_how_much_is_free(
    start: Start, exporting: tuple[object, ...], tiny_disk: Path
) -> None:
    try:
        filler = tiny_disk / "filler"
        filler.write_bytes(b"x" * 60_000)
        command = start((*exporting, "--output", tiny_disk / "out"))
        assert command.ended() == 8, command.stderr
        assert "the disk is full (0.0 MB are free there)" in command.stderr
        assert everything(tiny_disk) == ["filler"]
    finally:
        subprocess.run(["umount", str(tiny_disk)], check=True)
