"""Estimates cycles of executed instructions with llvm-mca, from LLVM's scheduling models.

Pieces of the recorded instruction stream are simulated as straight-line code, because kernel loops
are short here and a loop in its steady state would be wrong. Every load hits the first-level cache,
and every branch is predicted.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_imgq.errors import DeviceError
from edge_imgq.skipped import Skipped

MAJOR = 22
"""Major version of LLVM; other versions have other scheduling models and give other cycles."""

TOOLS = (f"llvm-mca-{MAJOR}", "llvm-mca"), (f"llvm-mc-{MAJOR}", "llvm-mc")


@dataclass(frozen=True)
class SchedulingModel:
    """LLVM's scheduling model for a core.

    Attributes:
        processor: value of `-mcpu`.
        name: core that the model describes.
        in_order: whether it issues in order, for which the simulation is coarse.
    """

    processor: str
    name: str
    in_order: bool = False


MODELS: Mapping[str, SchedulingModel] = {
    "cortex-a53": SchedulingModel("cortex-a53", "Cortex-A53", in_order=True),
    "cortex-a55": SchedulingModel("cortex-a55", "Cortex-A55", in_order=True),
    "cortex-a72": SchedulingModel("cortex-a72", "Cortex-A57"),
    "cortex-a73": SchedulingModel("cortex-a73", "Cortex-A57"),
    "cortex-a76": SchedulingModel("neoverse-n1", "Neoverse N1"),
    "cortex-a78": SchedulingModel("neoverse-n2", "Neoverse N2"),
    "cortex-x1": SchedulingModel("neoverse-v1", "Neoverse V1"),
    "cortex-a510": SchedulingModel("cortex-a510", "Cortex-A510", in_order=True),
    "cortex-a710": SchedulingModel("neoverse-n2", "Neoverse N2"),
    "cortex-x2": SchedulingModel("neoverse-v2", "Neoverse V2"),
    "cortex-x3": SchedulingModel("neoverse-v2", "Neoverse V2"),
}
"""Scheduling models by core.

The A76 uses that of the Neoverse N1, which derives from it: LLVM's own model has half its width.
"""

ATTRIBUTES = "-mattr=+dotprod,+fullfp16,+lse,+rdm,+crc,+rcpc,+i8mm,+bf16"

NOTHING = re.compile(r"(svc|dmb|dsb|isb|mrs|msr|hint|paci|auti|bti|dc|udf|ld[a]?x|st[l]?x|clrex)")
"""Instructions that the models charge as if they stopped the processor."""


@dataclass(frozen=True)
class LlvmMca:
    """Installed programs of LLVM.

    Attributes:
        mca: path of llvm-mca.
        mc: path of llvm-mc, which disassembles.
        version: version of both.
    """

    mca: str
    mc: str
    version: str


def find_llvm_mca() -> LlvmMca | Skipped:
    """Return the paths of llvm-mca and llvm-mc of version 22 (MAJOR), or why they are unavailable.

    They are looked up on the PATH, with and without the version in the name.
    """
    paths = [next(filter(None, map(shutil.which, names)), None) for names in TOOLS]
    versions = [_version(path) for path in paths if path]
    if len(versions) == 2 and all(v.split(".")[0] == str(MAJOR) for v in versions):
        return LlvmMca(str(paths[0]), str(paths[1]), versions[0])
    here = f"here is {versions[0]}" if versions else "there is none here"
    return Skipped(
        f"estimated cycles need llvm-mca {MAJOR}, and {here} (Debian: apt install llvm-{MAJOR})"
    )


def estimate_cycles(
    tools: LlvmMca, core: str, pieces: Mapping[int, Sequence[str]]
) -> dict[int, int]:
    """Estimate the cycles of pieces of straight-line code, each run once, with llvm-mca.

    All loads hit the first-level cache and all branches are predicted. The same for every call.

    Args:
        tools: the programs.
        core: name of the core, a key of MODELS.
        pieces: A64 instructions by number of the piece, each as eight hexadecimal digits.

    Returns:
        Cycles by number of the piece.

    Raises:
        DeviceError: llvm-mca failed, or an instruction could not be disassembled.
    """
    if not pieces:
        return {}
    text = _readable(tools, sorted({word for piece in pieces.values() for word in piece}))
    lines = []
    for number, piece in pieces.items():
        lines += [f"# LLVM-MCA-BEGIN {number}", *(text[word] for word in piece)]
        lines.append(f"# LLVM-MCA-END {number}")
    processor = MODELS[core].processor
    said = _run(
        [
            *(tools.mca, "-mtriple=aarch64", f"-mcpu={processor}", ATTRIBUTES, "-iterations=1"),
            *("-call-latency=1", "-skip-unsupported-instructions=any", "-json"),
            *("--instruction-info=0", "--resource-pressure=0"),
        ],
        "\n".join(lines) + "\n",
    )
    regions = json.loads(said)["CodeRegions"]
    return {int(region["Name"]): int(region["SummaryView"]["TotalCycles"]) for region in regions}


def _readable(tools: LlvmMca, words: Sequence[str]) -> dict[str, str]:
    """Disassemble instructions; return assembler lines by their hexadecimal digits."""
    bytes_of = ["".join(f"0x{word[at : at + 2]} " for at in (6, 4, 2, 0)) for word in words]
    command = [tools.mc, "--disassemble", "-triple=aarch64", "-mattr=+all"]
    said = _run(command, "\n".join(bytes_of) + "\n")
    printed = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in printed if not line.startswith(".")]
    if len(lines) != len(words):
        raise DeviceError(f"{tools.mc} read {len(lines)} of {len(words)} instructions.")
    return {word: _plain(line.replace("\t", " ")) for word, line in zip(words, lines, strict=True)}


def _plain(line: str) -> str:
    """Replace an instruction that the models charge for leaving the code, or as a full stop."""
    word = line.split()[0]
    if word == "bl":
        return "b #4"
    if word in ("blr", "ret", "retaa", "braa"):
        return "br x30"
    return "nop" if NOTHING.match(word) else line


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"version (\d+[\d.]*)", said.stdout)
    return match[1] if match else "of no version"


def _run(command: Sequence[str], text: str) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise DeviceError(f"{command[0]} failed: {said[0] if said else 'it said nothing'}")
    return done.stdout
