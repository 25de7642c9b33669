"""Runs in processes of their own: killed, and several at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from edge_imgq.images.files import write_image
from edge_imgq.train.checkpoint import read_checkpoint

pytestmark = pytest.mark.slow

EDGE_IMGQ = str(Path(sys.executable).with_name("edge-imgq"))
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--no-python")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (60, 70, 3), dtype=np.uint8)
        write_image(folder / f"{seed}.png", pixels)
    return folder


def words(photos: Path, output: Path, *more: object) -> list[str]:
    command = (
        *("train", "fsrcnn-x2", "--data", photos, "--output", output, "--patch", 16, "--batch", 4),
        *("--threads", 1, *more),
    )
    return [EDGE_IMGQ, *map(str, command)]


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "checkpoint.safetensors")


def test_a_run_killed_at_any_moment_ends_with_the_weights_of_one_that_was_not(
    photos: Path, tmp_path: Path
) -> None:
    steps = ("--steps", 150, "--checkpoint-minutes", 0.002)
    run(words(photos, tmp_path / "whole", *steps))
    killed = subprocess.Popen(words(photos, tmp_path / "killed", *steps), stderr=subprocess.PIPE)
    checkpoint = tmp_path / "killed" / "checkpoint.safetensors"
    while not checkpoint.exists():
        assert killed.poll() is None, killed.stderr
        time.sleep(0.01)
    # Wherever it is by now: in a step, or in the middle of writing.
    moment = float(np.random.default_rng().uniform(0.0, 0.3))
    print(f"killed {moment:.3f} s after its first checkpoint")
    time.sleep(moment)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert read_checkpoint(checkpoint)[0].step < 150
    run(words(photos, tmp_path / "killed", "--resume"))
    whole, resumed = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_two_processes_end_with_the_weights_of_one(photos: Path, tmp_path: Path) -> None:
    steps = ("--steps", 12, "--learning-rate", 0.1)  # of which 12 steps of warm-up see 2 %
    run(words(photos, tmp_path / "one", *steps))
    both = words(photos, tmp_path / "two", *steps, "--validation", photos)
    out = run([*TORCHRUN, "--nproc-per-node", "2", *both])
    assert out.count("step 12") == 1
    assert len((tmp_path / "two" / "log.jsonl").read_text().splitlines()) == 1
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    moved = 0.0
    for name in (name for name in one if name.startswith("network.")):
        torch.testing.assert_close(two[name], one[name], atol=2e-4, rtol=1e-3)
        moved = max(
            moved, float((one[name] - weights_at_start(photos, tmp_path)[name]).abs().max())
        )
    assert moved > 2e-3  # ten times the tolerance


def test_two_processes_train_a_critic_as_one_does(photos: Path, tmp_path: Path) -> None:
    more = ("--steps", 2, "--loss", "deblurgan", "--patch", 32, "--learning-rate", 0.01)
    for name, before in (("one", []), ("two", [*TORCHRUN, "--nproc-per-node", "2"])):
        command = words(photos, tmp_path / name, *more)
        command[command.index("fsrcnn-x2")] = "dped-slim"
        run([*before, *command])
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert any(name.startswith("critic.") for name in one)
    for name, tensor in one.items():
        if name.startswith(("network.", "critic.")):
            torch.testing.assert_close(two[name], tensor, atol=1e-3, rtol=1e-2)


def weights_at_start(photos: Path, folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights after one step at hardly any rate."""
    output = folder / "start"
    if not output.exists():
        run(words(photos, output, "--steps", 1, "--learning-rate", 1e-12))
    return weights(output)


def test_a_batch_that_cannot_be_shared_is_refused(photos: Path, tmp_path: Path) -> None:
    command = words(photos, tmp_path / "run", "--batch", 3, "--steps", 1)
    done = subprocess.run(
        [*TORCHRUN, "--nproc-per-node", "2", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "A batch of 3 cannot be shared by 2 processes." in done.stderr
