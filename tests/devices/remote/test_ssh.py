"""Boards over ssh: the real client and a real server on loopback."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_imgq.cli.main import main
from edge_imgq.devices.find_device import find_device
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.skipped import Skipped

SERVER = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
CLIENT = shutil.which("ssh")

needs_server = pytest.mark.skipif(not (SERVER and CLIENT), reason="there is no ssh or no sshd")
pytestmark = pytest.mark.device


def key(path: Path) -> Path:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(words, check=True, timeout=30)
    return path


def started(words: list[str], port: int, log: Path) -> subprocess.Popen[bytes]:
    """Start the server, and wait until it listens; skip where this account may not run one."""
    with log.open("wb") as stream:
        process = subprocess.Popen(words, stderr=stream, stdout=stream)
    for _ in range(50):
        if process.poll() is not None:
            pytest.skip(f"sshd does not start here: {log.read_text().strip()[-200:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process
    pytest.fail("sshd does not listen")


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return user@127.0.0.1:port of a server that knows the key that the client offers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own, host = key(tmp_path / "id"), key(tmp_path / "host")
    (tmp_path / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {own}.pub\nStrictModes no\nPasswordAuthentication no\n"
    )
    (tmp_path / "ssh_config").write_text(
        f"IdentityFile {own}\nIdentitiesOnly yes\nStrictHostKeyChecking no\nLogLevel ERROR\n"
        f"UserKnownHostsFile {tmp_path / 'known'}\n"
    )
    (tmp_path / "bin").mkdir()
    client = tmp_path / "bin" / "ssh"
    client.write_text(f'#!/bin/sh\nexec {CLIENT} -F {tmp_path / "ssh_config"} "$@"\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(client.parent), prepend=":")
    words = [str(SERVER), "-D", "-e", "-f", str(tmp_path / "sshd_config")]
    process = started(words, port, tmp_path / "log")
    yield f"{getpass.getuser()}@127.0.0.1:{port}"
    process.kill()
    process.wait()
    for folder in left_there():
        shutil.rmtree(folder)


def left_there() -> list[Path]:
    """Return what this process put on the board, which is this machine, and did not remove."""
    return list(Path("/tmp").glob(f"edge-imgq-{os.getpid()}-*"))


@needs_server
def test_drift_and_times_are_measured_on_the_board(
    board: str, small: Path, benchmark_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = small / "tiny" / "tflite-int8.tflite"
    words = ["verify", file, "--images", small / "evaluation", "--device", f"ssh:{board}"]
    capsys.readouterr()
    assert main([*map(str, words), "--benchmark-model", str(benchmark_model), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (target,) = report["targets"]
    assert report["device"] == f"ssh:{board}"
    assert target["vs_host"]["equal"] == 1
    latency = target["latency"]
    assert 0 < latency["min_ms"] <= latency["median_ms"]
    assert "Linux" in latency["device"]
    assert "load" in latency["conditions"]
    assert (latency["delegate"], latency["size"]) == ("xnnpack", [48, 64])
    assert latency["thermal"] == "temperature not known" or latency["thermal"].endswith("°C")
    assert left_there() == [], "something was left on the board"


@needs_server
def test_a_board_that_goes_away_is_reported(
    board: str, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program ends the connection that it was started through, as a board that crashes does.

    Its parent is the shell, and that one's the server's process for this connection. `ps` pads
    short numbers with a space, which `kill` takes only without quotes around them.
    """
    program = tmp_path / "benchmark_model"
    program.write_text("#!/bin/sh\nkill -9 $(ps -o ppid= -p $PPID)\nsleep 9\n")
    file = small / "tiny" / "tflite-int8.tflite"
    words = ["bench", file, "--device", f"ssh:{board}", "--benchmark-model", program, "--json"]
    assert main(list(map(str, words))) == 7
    (row,) = json.loads(capsys.readouterr().out)
    assert "went away, or cannot be reached" in row["latency"]["skipped"]


@needs_server
def test_a_board_that_does_not_know_the_key_is_skipped(
    board: str, tmp_path: Path, benchmark_model: Path
) -> None:
    (tmp_path / "id.pub").write_text("")
    found = find_device(f"ssh:{board}", DeviceOptions(benchmark_model))
    assert isinstance(found, Skipped)
    assert "Permission denied" in found.reason
    assert "The key must be known there" in found.reason


def test_a_board_needs_a_name() -> None:
    found = find_device("ssh")
    assert found == Skipped("name the board: ssh:user@host")
