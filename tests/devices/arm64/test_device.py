"""Arm kernels under emulation return this host's integers."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_imgq.cli.main import main
from edge_imgq.devices.apt import Apt
from edge_imgq.devices.arm64 import device as arm64
from edge_imgq.devices.arm64 import setup as arm64_setup
from edge_imgq.devices.arm64.emulator import Emulator
from edge_imgq.devices.arm64.llvm_mca import LlvmMca
from edge_imgq.devices.arm64.recording import OperatorRecorder, record_operators
from edge_imgq.devices.arm64.setup import (
    LITERT,
    RECORD,
    Emulation,
    cache_folder,
    read_emulation,
)
from edge_imgq.devices.find_device import find_device
from edge_imgq.devices.host import HostDevice
from edge_imgq.devices.instructions import read_count
from edge_imgq.errors import DeviceError, RuntimeUnavailableError
from edge_imgq.runtime.worker import Worker
from edge_imgq.skipped import Skipped
from tests.devices.conftest import NETWORKS
from tests.graph.build import proto_model

READY = arm64.look()[0].is_available
needs_emulation = pytest.mark.skipif(
    read_emulation(cache_folder()) is None, reason=f"not set up: `{arm64.SET_UP}`"
)
needs_arm = pytest.mark.skipif(not READY, reason=f"not set up: `{arm64.SET_UP}`")


def test_an_arm_host_runs_files_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    device = find_device("arm64")
    assert isinstance(device, HostDevice)
    assert device.name == "arm64"


def test_what_is_not_set_up_is_skipped_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(arm64, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(arm64, "cannot_be_set_up", lambda: "")
    found = find_device("arm64")
    assert isinstance(found, Skipped)
    assert "Run `edge-imgq doctor --set-up arm64`." in found.reason


@pytest.mark.parametrize(
    ("system", "tools", "said"),
    [
        ("Darwin", "", "needs Linux, and this is Darwin"),
        ("Linux", "", "no apt-get and no dpkg-deb"),
    ],
)
def test_a_machine_that_cannot_set_it_up_says_why(
    system: str, tools: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(RuntimeUnavailableError, match=said):
        arm64_setup.set_up(tmp_path / "arm64", print)
    assert not (tmp_path / "arm64").exists()


def test_a_step_that_fails_leaves_nothing_and_says_which(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('the archive is away')"]
    monkeypatch.setattr(arm64_setup, "cannot_be_set_up", lambda: "")
    monkeypatch.setattr(Apt, "command", lambda apt, *words: failing)
    with pytest.raises(RuntimeUnavailableError, match="exit code 1: the archive is away"):
        arm64_setup.set_up(tmp_path / "cache" / "arm64", lambda what: None)
    assert not (tmp_path / "cache").exists()
    assert read_emulation(tmp_path / "cache" / "arm64") is None


@pytest.mark.device
@pytest.mark.slow
@needs_arm
@pytest.mark.parametrize("name", NETWORKS)
def test_int8_is_this_hosts_to_the_bit(
    name: str, zoo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    file = zoo / name / "tflite-int8.tflite"
    assert main(["verify", str(file), "--device", "arm64", "--json"]) == 0
    (target,) = json.loads(capsys.readouterr().out)["targets"]
    assert target["vs_host"]["equal"] == 1
    assert target["placement"]["partitions"] == 1
    if read_emulation(cache_folder()):
        assert "cortex-a76 emulated" in target["runtime"]
        assert "not the phone's" in target["latency"]["skipped"]


@pytest.mark.device
@pytest.mark.slow
@needs_emulation
@pytest.mark.parametrize("core", ["cortex-a53", "cortex-a55", "cortex-a76", "cortex-x3"])
def test_every_family_of_kernels_returns_this_hosts_integers(
    core: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    file = small / "tiny" / "tflite-int8.tflite"
    assert main(["verify", str(file), "--device", f"arm64:{core}", "--json"]) == 0
    (target,) = json.loads(capsys.readouterr().out)["targets"]
    assert target["vs_host"]["equal"] == 1
    assert f"{core} emulated" in target["runtime"]
    assert target["instructions"]["processor"] == core


def test_what_an_older_version_set_up_is_set_up_anew(tmp_path: Path) -> None:
    record = {"emulator": [sys.executable], "plugin": "", "python": "3.11"}
    current = {**record, "litert": LITERT, "sources": arm64_setup.sources_digest()}
    for older in ({}, {"litert": "2.0.3"}, {"sources": "another plugin's"}):
        (tmp_path / RECORD).write_text(json.dumps({**current, **older}))
        assert (read_emulation(tmp_path) is None) is bool(older)


def test_what_is_set_up_says_what_cycles_need(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    emulation = Emulation(tmp_path, Emulator(("qemu-aarch64",)), "3.11")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(arm64, "read_emulation", lambda folder: emulation)
    monkeypatch.setattr(arm64, "find_llvm_mca", lambda: Skipped("cycles need something"))
    (found,) = arm64.look()
    assert (found.is_available, found.advice) == (True, "cycles need something.")
    monkeypatch.setattr(arm64, "find_llvm_mca", lambda: LlvmMca("mca", "mc", "22.1.8"))
    assert arm64.look()[0].advice == ""


def test_a_count_is_what_lies_between_two_marks_less_a_mark(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("100\n107\n5000\n10000\n10007\n61014\n")
    assert read_count(log) == 61014 - 10007 - 7


def test_an_emulator_without_the_plugin_says_how_to_get_it(small: Path, tmp_path: Path) -> None:
    emulation = Emulation(tmp_path, Emulator(("qemu-aarch64-static",)), "3.11")
    assert "-plugin" not in emulation.command("module", tmp_path, "max", tmp_path)
    emulated = arm64.Emulated(emulation, "cortex-a76", tempfile.TemporaryDirectory(dir=tmp_path))
    worker = Worker("this host", [sys.executable, "-m", "edge_imgq.devices.session_worker"])
    file = small / "tiny" / "tflite-int8.tflite"
    session = arm64.EmulatedArmSession(file, 1, worker, emulated)
    for found in (session.instructions((96, 96)), session.operators((96, 96))):
        assert isinstance(found, Skipped)
        assert arm64.SET_UP in found.reason
    session.close()


def test_the_plugin_gets_the_folder_that_it_writes_into(tmp_path: Path) -> None:
    emulation = Emulation(tmp_path, Emulator(("qemu-aarch64",), "/a,b/plugin.so"), "3.11")
    command = emulation.command("module", tmp_path, "max", Path("/tmp/scratch"))
    assert command[command.index("-plugin") + 1] == "/a,,b/plugin.so,folder=/tmp/scratch"
    assert command[command.index("-L") + 1] == "/tmp/scratch/system"
    assert "-plugin" not in emulation.command("module", tmp_path, "max")


@pytest.mark.device
@pytest.mark.slow
@needs_arm
def test_instructions_are_the_same_in_every_run(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = []
    for _ in range(2):
        capsys.readouterr()
        file = small / "tiny" / "tflite-int8.tflite"
        assert main(["bench", str(file), "--device", "arm64", "--json"]) == 0
        (timing,) = json.loads(capsys.readouterr().out)
        found = timing["instructions"]
        assert (found["size"], found["processor"]) == ([96, 96], "cortex-a76")
        counts.append(found["count"])
    assert counts[0] == pytest.approx(counts[1], rel=1e-3)
    # 240 products for each of 96 * 96 pixels; an instruction of this processor does 16 of them.
    assert counts[0] > 96 * 96 * 240 / 16


KERNELS = {
    "cortex-a53": ("mlal_lane_cortex_a53_prfm", "neonfma_cortex_a53_prfm"),
    "cortex-a55": ("neondot_cortex_a55", "neonfma_cortex_a55"),
    "cortex-a73": ("2x8c8__asm_aarch64_neon_mlal_prfm", "neonfma_cortex_a73"),
    "cortex-a76": ("4x16c4__asm_aarch64_neondot_ld128", "neonfma_cortex_a75_prfm"),
    "cortex-x1": ("4x16c4__asm_aarch64_neondot_ld128", "6x8__asm_aarch64_neonfma_ld128"),
    "cortex-x3": ("4x16c8__neoni8mm", "6x8__aarch64_neonfma_lane_ld128"),
}
"""Core → what XNNPACK's tables (gemm-config.c) name for its int8 and its float convolutions."""


@pytest.mark.device
@pytest.mark.slow
@needs_emulation
@pytest.mark.parametrize("core", KERNELS)
def test_kernels_are_those_that_xnnpack_has_for_the_core(core: str, small: Path) -> None:
    emulation = read_emulation(cache_folder())
    assert emulation is not None
    for precision, kernel in zip(("int8", "float"), KERNELS[core], strict=True):
        file = small / "tiny" / f"tflite-{precision}.tflite"
        found = record_operators(emulation, core, file, (24, 32))
        convolutions = [row for row in found.operators if "CONV_2D 3x3" in row.operator]
        assert convolutions
        assert all(kernel in row.kernel for row in convolutions), convolutions
        assert all(row.share > 0.8 for row in convolutions)


@pytest.mark.device
@pytest.mark.slow
@needs_emulation
def test_operators_take_the_same_in_every_run(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for _ in range(2):
        capsys.readouterr()
        file = small / "tiny" / "tflite-int8.tflite"
        words = ["bench", str(file), "--device", "arm64:cortex-a76", "--operators", "--json"]
        assert main(words) == 0
        (timing,) = json.loads(capsys.readouterr().out)
        found.append(timing["operators"])
    assert found[0] == found[1]
    rows = found[0]["operators"]
    counted = sum(row["instructions"] for row in rows)
    assert counted == pytest.approx(timing["instructions"]["count"], rel=0.05)
    assert rows[0]["operator"] == "QUANTIZE"
    assert rows[0]["stored"] >= 96 * 96 * 3


@pytest.mark.device
@pytest.mark.slow
@needs_emulation
def test_a_file_takes_the_same_after_others_as_alone(small: Path, tmp_path: Path) -> None:
    emulation = read_emulation(cache_folder())
    assert emulation is not None
    first, second = (small / "tiny" / f"tflite-{name}.tflite" for name in ("float", "int8"))
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(first.read_bytes()[:100])
    with OperatorRecorder(emulation, "cortex-a76") as recorder:
        recorder.record(first, (24, 32))
        with pytest.raises(DeviceError):
            recorder.record(broken, (24, 32))
        after = recorder.record(second, (24, 32))
    alone = record_operators(emulation, "cortex-a76", second, (24, 32))
    assert [(row.kernel, row.instructions, row.cycles) for row in after.operators] == [
        (row.kernel, row.instructions, row.cycles) for row in alone.operators
    ]


def test_a_tile_is_no_smaller_than_what_the_network_sees(tmp_path: Path) -> None:
    far = np.ones((1, 3, 101, 101), np.float32)
    node = helper.make_node("Conv", ["image", "far"], ["out"], pads=[50] * 4)
    (tmp_path / "reference").mkdir()
    onnx.save(proto_model([node], {"far": far}), tmp_path / "reference" / "float.onnx")
    assert arm64.tile_side(tmp_path / "tflite-int8.tflite", 2) == 102
    assert arm64.tile_side(tmp_path / "elsewhere" / "tflite-int8.tflite", 5) == 100
