"""The system that an emulated process sees is that of the core that was named."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.devices.arm64.cores import CORES, core_named, write_system
from edge_imgq.devices.find_device import find_device
from edge_imgq.errors import UsageError
from edge_imgq.skipped import Skipped

PUBLISHED = {
    "cortex-a53": "0xd03",
    "cortex-a55": "0xd05",
    "cortex-a72": "0xd08",
    "cortex-a73": "0xd09",
    "cortex-a76": "0xd0b",
    "cortex-a78": "0xd41",
    "cortex-x1": "0xd44",
    "cortex-a510": "0xd46",
    "cortex-a710": "0xd47",
    "cortex-x2": "0xd48",
    "cortex-x3": "0xd4e",
}
"""Part numbers as util-linux's lscpu prints them."""


def test_the_system_has_one_processor_of_the_core_and_the_programs(tmp_path: Path) -> None:
    root, system = tmp_path / "root", tmp_path / "system"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "python").touch()
    assert set(CORES) == set(PUBLISHED)
    system.mkdir()
    for name, part in PUBLISHED.items():
        folder = system / name
        write_system(name, root, folder)
        lines = (folder / "proc" / "cpuinfo").read_text().splitlines()
        fields = dict(map(str.strip, line.split(":")) for line in lines if line)
        assert fields["CPU implementer"] == "0x41"
        assert fields["CPU part"] == part
        processors = folder / "sys" / "devices" / "system" / "cpu"
        for file in ("possible", "present", "online", "kernel_max"):
            assert (processors / file).read_text() == "0\n"
        assert (folder / "usr" / "bin" / "python").is_file()


def test_instructions_are_those_that_the_emulated_processor_has() -> None:
    for core in CORES.values():
        features = core.features.split()
        assert ("i8mm" in features) == core.emulated.startswith("max")
        assert ("asimddp" in features) == (core.emulated not in ("cortex-a53", "cortex-a72"))


def test_a_core_that_nothing_is_known_of_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no Arm core 'cortex-a67'\. There are cortex-a53, "):
        find_device("arm64:cortex-a67")
    for name in ("apple-m1", "oryon"):
        with pytest.raises(UsageError, match="no public table says"):
            core_named(name)


def test_a_core_of_another_kind_is_not_run_on_an_arm_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    found = find_device("arm64:cortex-a55")
    assert isinstance(found, Skipped)
    assert "runs files on its own cores" in found.reason
