"""Runs in processes of their own: killed, and several at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from edge_imgq.cli.main import main
from edge_imgq.images.files import write_image
from edge_imgq.train.checkpoint import read_checkpoint

from .in_double import double_precision

pytestmark = pytest.mark.slow

EDGE_IMGQ = str(Path(sys.executable).with_name("edge-imgq"))
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--no-python")
IN_DOUBLE = (sys.executable, str(Path(__file__).with_name("in_double.py")))
IN_FULL = ("--precision", "float32")
"""No bfloat16 anywhere; in double precision, float64 then."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (60, 70, 3), dtype=np.uint8)
        write_image(folder / f"{seed}.png", pixels)
    return folder


def words(photos: Path, output: Path, *more: object) -> list[str]:
    command = (
        *("train", "fsrcnn-x2", "--data", photos, "--output", output, "--patch", 16, "--batch", 4),
        *("--threads", 1, *more),
    )
    return [str(word) for word in command]


def by_torchrun(command: list[str], folder: Path) -> str:
    """Run a command in two processes; torchrun's own records go below a folder."""
    records = ["--nproc-per-node", "2", "--log-dir", str(folder / "torchrun")]
    done = subprocess.run(
        [*TORCHRUN, *records, *command], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_two(command: list[str]) -> tuple[int, str]:
    """Run a command in this process and in another, as torchrun would, in double precision.

    Returns:
        The exit code of both, and the errors of the other.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    place = {"TORCHELASTIC_RUN_ID": "run", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    place |= {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}
    second = {**os.environ, **place, "RANK": "1", "LOCAL_RANK": "1"}
    other = subprocess.Popen([*IN_DOUBLE, *command], env=second, stderr=subprocess.PIPE, text=True)
    try:
        with pytest.MonkeyPatch.context() as patch, double_precision():
            for name, value in place.items():
                patch.setenv(name, value)
            code = main(command)
        _, errors = other.communicate(timeout=300)
    finally:
        other.kill()
    assert other.returncode == code, errors
    return code, errors


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "checkpoint.safetensors")


def test_a_run_killed_at_any_moment_ends_with_the_weights_of_one_that_was_not(
    photos: Path, tmp_path: Path
) -> None:
    steps = ("--steps", 150, "--checkpoint-minutes", 0.002)
    assert main(words(photos, tmp_path / "whole", *steps)) == 0
    command = [EDGE_IMGQ, *words(photos, tmp_path / "killed", *steps)]
    killed = subprocess.Popen(command, stderr=subprocess.PIPE)
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
    assert main(words(photos, tmp_path / "killed", "--resume")) == 0
    whole, resumed = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_two_processes_end_with_the_weights_of_one(photos: Path, tmp_path: Path) -> None:
    steps = ("--steps", 12, "--learning-rate", 0.1)  # of which 12 steps of warm-up see 2 %
    with double_precision():
        assert main(words(photos, tmp_path / "one", *steps, *IN_FULL)) == 0
        start = ("--steps", 1, "--learning-rate", 1e-12)
        assert main(words(photos, tmp_path / "start", *start, *IN_FULL)) == 0
    both = words(photos, tmp_path / "two", *steps, "--validation", photos, *IN_FULL)
    out = by_torchrun([*IN_DOUBLE, *both], tmp_path)
    assert out.count("step 12") == 1
    assert len((tmp_path / "two" / "log.jsonl").read_text().splitlines()) == 1
    assert_equal_to_rounding(tmp_path / "two", tmp_path / "one", "network.", "average.")
    before, after = weights(tmp_path / "start"), weights(tmp_path / "one")
    moved = max(float((after[n] - before[n]).abs().max()) for n in trained(after, "network."))
    assert moved > 2e-3


@pytest.fixture(scope="module")
def critic_by_two(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Train with a critic, in one process and in two: the folder of both, the second's errors."""
    folder = tmp_path_factory.mktemp("critic")
    more = ("--steps", 2, "--loss", "deblurgan", "--patch", 32, "--learning-rate", 0.01, *IN_FULL)
    one, two = (words(photos, folder / name, *more) for name in ("one", "two"))
    for command in (one, two):
        command[command.index("fsrcnn-x2")] = "dped-slim"
    with double_precision():
        assert main(one) == 0
    code, errors = in_two(two)
    assert code == 0
    return folder, errors


def test_two_processes_train_a_critic_as_one_does(critic_by_two: tuple[Path, str]) -> None:
    folder, _ = critic_by_two
    assert_equal_to_rounding(folder / "two", folder / "one", "network.", "critic.")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Threads are read from /proc.")
def test_no_thread_of_the_process_group_outlives_a_run(critic_by_two: tuple[Path, str]) -> None:
    before, after = critic_by_two[1].splitlines()[-2:]
    assert "gloo" in before
    assert "python" in after
    assert "gloo" not in after


def trained(tensors: dict[str, torch.Tensor], *prefixes: str) -> list[str]:
    return [name for name in tensors if name.startswith(prefixes)]


def assert_equal_to_rounding(one: Path, other: Path, *prefixes: str) -> None:
    """Two runs that differ in the order of additions alone end with these weights in common.

    In float32 no bound holds: Adam divides a gradient by its own size, so where one is nothing but
    rounding, its sign decides on a whole step, and which is where the processor's kernels decide.
    In float64 that cannot be. A gradient here is a sum of at most 1e6 products below 1, so an
    order of additions changes it by less than 1e6 * 2^-53 = 1e-10 of 1; in fact by about 1e-16.
    Adam divides it by itself + 1e-8, so no weight moves by more than 1e-2 of a step, and by 1e-8
    of one as it is. A gradient that is not averaged moves weights by whole steps, of 1e-4 to 1e-2.
    """
    expected, found = weights(one), weights(other)
    names = trained(expected, *prefixes)
    assert all(any(name.startswith(prefix) for name in names) for prefix in prefixes)
    for name in names:
        assert found[name].dtype == torch.float64
        torch.testing.assert_close(found[name], expected[name], atol=1e-7, rtol=0)


def test_a_batch_that_cannot_be_shared_is_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_two(words(photos, tmp_path / "run", "--batch", 3, "--steps", 1))[0] == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "A batch of 3 cannot be shared by 2 processes; choose a multiple of 2" in said
