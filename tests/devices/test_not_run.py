"""What the commands exit with for files that a device does not run, and for those without times."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.cli.main import main
from edge_imgq.devices.host import HostDevice
from edge_imgq.devices.latency import Latency
from edge_imgq.devices.protocol import DeviceSession
from edge_imgq.errors import NOT_MADE_FOR, DeviceError, code_of_not_run
from edge_imgq.pipeline import bench
from edge_imgq.pipeline.verify import verify
from edge_imgq.skipped import Skipped


class FloatsWithoutTimes:
    """A device that is made for float files, runs them on this host, and has no times."""

    name = "floats"

    def refusal(self, path: Path) -> str:
        return "it is an int8 file" if "int8" in path.name else ""

    def open(self, path: Path, threads: int) -> DeviceSession:
        session = HostDevice().open(path, threads)

        def latency(*_: object, **__: object) -> Latency | Skipped:
            return Skipped("an emulator's time is not a phone's")

        session.latency = latency  # type: ignore[method-assign]
        return session


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (bench, verify):
        monkeypatch.setattr(command, "find_device", lambda *_: FloatsWithoutTimes())


@pytest.mark.parametrize("command", ["bench", "verify"])
@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("tflite-int8.tflite",), 7),
        (("tflite-float.tflite",), 0),
        (("tflite-int8.tflite", "tflite-float.tflite"), 0),
    ],
)
def test_both_commands_have_one_rule(
    small: Path, command: str, names: tuple[str, ...], code: int
) -> None:
    files = [str(small / "tiny" / name) for name in names]
    assert main([command, *files, "--device", "floats", "--json"]) == code


def test_a_file_that_no_device_ran_is_named_on_stderr(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = small / "tiny" / "tflite-int8.tflite"
    assert main(["verify", str(file), "--device", "floats"]) == 7
    assert "edge-imgq: tflite-int8.tflite did not run on floats\n" in capsys.readouterr().err


def test_an_error_outweighs_files_that_the_device_is_not_made_for() -> None:
    assert code_of_not_run([], any_ran=False) == 0
    assert code_of_not_run([NOT_MADE_FOR, 6], any_ran=False) == 6
    assert code_of_not_run([NOT_MADE_FOR, DeviceError.exit_code], any_ran=True) == 7
