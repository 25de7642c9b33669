"""A file is counted once on each core, whatever its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import phone_counts
from benchmarks.phone_counts import PhoneCounts
from benchmarks.phone_table import Cost
from edge_imgq.devices.arm64.emulator import Emulator
from edge_imgq.devices.arm64.operator_costs import OperatorCosts
from edge_imgq.devices.arm64.setup import RECORD, Emulation
from edge_imgq.errors import DeviceError
from edge_imgq.skipped import Skipped
from tests.report.build import COSTS

CORE = "cortex-a76"


class Recorder:
    """Stands in for the emulated systems, and remembers what was asked of them."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ran: list[bytes] = []

    def __call__(self, _: object, core: str) -> Recorder:
        self.started.append(core)
        return self

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def record(self, file: Path, _: object) -> OperatorCosts:
        self.ran.append(file.read_bytes())
        if file.read_bytes() == b"broken":
            raise DeviceError("It ended.")
        return COSTS


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder()
    monkeypatch.setattr(phone_counts, "OperatorRecorder", found)
    monkeypatch.setattr(phone_counts, "find_llvm_mca", lambda: Skipped("none"))
    return found


def counts(folder: Path) -> PhoneCounts:
    (folder / RECORD).write_text("{}")
    emulation = Emulation(folder, Emulator(("qemu",), "plugin.so"), "3.11")
    return PhoneCounts(emulation, folder / "counts")


def named(folder: Path, name: str, contents: bytes) -> Path:
    (folder / name).write_bytes(contents)
    return folder / name


def test_the_same_bytes_are_counted_once_on_each_core(tmp_path: Path, recorder: Recorder) -> None:
    file, again = (named(tmp_path, name, b"same") for name in ("ours.tflite", "again.tflite"))
    with counts(tmp_path) as first:
        cost = first.cost(CORE, file)
    assert isinstance(cost, Cost)
    assert (cost.instructions, cost.cycles, cost.memory) == (41_098_819, 20_000_000, 8_245_312)
    assert cost.slowest.startswith("CONV_2D 3x3 12→24 xnn_qs8_qc8w_igemm")
    assert cost.slowest.endswith("99%")
    with counts(tmp_path) as second:
        assert second.cost(CORE, again) == cost
        assert recorder.ran == [b"same"]
        second.cost("cortex-x1", again)
    assert recorder.ran == [b"same"] * 2


def test_an_emulated_core_starts_once_and_anew_after_a_file_that_fails(
    tmp_path: Path, recorder: Recorder
) -> None:
    with counts(tmp_path) as found:
        for name in ("one", "two"):
            found.cost(CORE, named(tmp_path, f"{name}.tflite", name.encode()))
        assert recorder.started == [CORE]
        failed = found.cost(CORE, named(tmp_path, "broken.tflite", b"broken"))
        assert failed == Skipped("It ended.")
        assert isinstance(found.cost(CORE, named(tmp_path, "other.tflite", b"other")), Cost)
    assert recorder.started == [CORE] * 2
