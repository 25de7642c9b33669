"""Cycles: what goes into llvm-mca, what comes out, and what is said where it is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge_imgq.devices.arm64.cores import CORES
from edge_imgq.devices.arm64.llvm_mca import MODELS, LlvmMca, estimate_cycles, find_llvm_mca
from edge_imgq.errors import DeviceError
from edge_imgq.skipped import Skipped

READ = {
    "20 f0 80 4f": "sdot\tv0.4s, v1.16b, v0.4b[0]",
    "c0 03 5f d6": "ret",
    "04 00 00 94": "bl\t#16",
    "bf 3b 03 d5": "dmb\tish",
}
"""What llvm-mc 22.1.8 makes of words, in the order of their bytes in memory."""

MC = f"""\
import sys
READ = {READ!r}
if "--version" in sys.argv: print("Debian LLVM version 22.1.8"); sys.exit()
print("\\t.text")
for line in sys.stdin:
    key = line.replace("0x", "").strip()
    if key in READ: print("\\t" + READ[key])
"""
MCA = """\
import json, sys
if "--version" in sys.argv: print("Debian LLVM version 22.1.8"); sys.exit()
if "-mcpu=neoverse-n1" not in sys.argv: sys.exit("unknown target CPU")
regions, lines = [], []
for line in map(str.strip, sys.stdin):
    if line.startswith("# LLVM-MCA-BEGIN"): name, lines = line.split()[-1], []
    elif line.startswith("# LLVM-MCA-END"):
        cycles = 10 * lines.count("nop") + len(lines)
        assert not {"ret", "bl #16", "dmb ish"} & set(lines), lines
        regions.append({"Name": name, "SummaryView": {"TotalCycles": cycles}})
    else: lines.append(line)
print(json.dumps({"CodeRegions": regions}))
"""


def program(folder: Path, name: str, text: str) -> str:
    """Write a stand-in for a program, and return its path."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def tools(tmp_path: Path) -> LlvmMca:
    """Return stand-ins that answer as llvm-mc and llvm-mca do."""
    names = {"llvm-mc-22": MC, "llvm-mca-22": MCA}
    mc, mca = (program(tmp_path, name, text) for name, text in names.items())
    return LlvmMca(mca, mc, "22.1.8")


def test_pieces_go_through_as_straight_lines(tools: LlvmMca) -> None:
    pieces = {0: ("4f80f020", "4f80f020"), 1: ("4f80f020", "94000004", "d65f03c0", "d5033bbf")}
    assert estimate_cycles(tools, "cortex-a76", pieces) == {0: 2, 1: 14}
    assert estimate_cycles(tools, "cortex-a76", {}) == {}


def test_what_cannot_be_read_or_estimated_is_an_error(tools: LlvmMca) -> None:
    with pytest.raises(DeviceError, match="read 0 of 1 instructions"):
        estimate_cycles(tools, "cortex-a76", {0: ("ffffffff",)})
    with pytest.raises(DeviceError, match="unknown target CPU"):
        estimate_cycles(tools, "cortex-x1", {0: ("4f80f020",)})


def test_another_version_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_llvm_mca()
    assert isinstance(found, Skipped)
    assert "estimated cycles need llvm-mca 22" in found.reason
    assert "there is none here (Debian: apt install llvm-22)" in found.reason
    for name in ("llvm-mc", "llvm-mca"):
        program(tmp_path, name, 'print("Debian LLVM version 14.0.6")')
    found = find_llvm_mca()
    assert isinstance(found, Skipped)
    assert "here is 14.0.6" in found.reason
    for name, text in (("llvm-mc-22", MC), ("llvm-mca-22", MCA)):
        program(tmp_path, name, text)
    found = find_llvm_mca()
    assert isinstance(found, LlvmMca)
    assert (found.version, Path(found.mca).name) == ("22.1.8", "llvm-mca-22")


def test_every_core_has_tables() -> None:
    assert set(MODELS) == set(CORES)
    assert {name for name, model in MODELS.items() if model.in_order} == {
        "cortex-a53",
        "cortex-a55",
        "cortex-a510",
    }
