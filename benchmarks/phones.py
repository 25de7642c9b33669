"""The same networks through edge-imgq and through the converters of others, on phones' Arm cores.

    python benchmarks/phones.py [--network NAME]... [--peer NAME]... [--core NAME]... [--hold 1.0]
        [--size HxW]
    python benchmarks/phones.py --show FILE...

Nothing is timed: the files run under emulation (`edge-imgq doctor --set-up arm64`), and their
instructions, estimated cycles (with llvm-mca 22) and bytes from and to memory are counted. So a
second run gives the same figures, on any machine, and with `--hold` this exits with 1 where a file
of ours takes more than so many times the cycles of the best other file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.cases import Case
from benchmarks.conversion import sentence
from benchmarks.converter_table import FAITHFUL
from benchmarks.converters import case_named, facts_or_reason, files_of, report
from benchmarks.environments import ROOT
from benchmarks.files import FileFacts
from benchmarks.networks import NETWORKS
from benchmarks.peer_table import ENVIRONMENTS, PEERS
from benchmarks.phone_counts import PhoneCounts
from benchmarks.phone_table import (
    PhoneEntry,
    PhoneRun,
    behind,
    merged_phone_runs,
    phone_table,
    read_phone_run,
    write_phone_run,
)
from edge_imgq.cli.argument_types import size
from edge_imgq.devices.arm64.cores import CORES
from edge_imgq.devices.arm64.llvm_mca import find_llvm_mca
from edge_imgq.devices.arm64.recording import tables
from edge_imgq.devices.arm64.setup import LITERT, Emulation, cache_folder, read_emulation
from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.skipped import Skipped

PHONES = ("cortex-a55", "cortex-a76", "cortex-x1", "cortex-x3")


def main() -> int:
    """Convert, count, print."""
    arguments = _arguments()
    torch.set_num_threads(1)
    if arguments.show:
        run = merged_phone_runs([read_phone_run(path) for path in arguments.show])
    else:
        emulation = read_emulation(cache_folder())
        if emulation is None or not emulation.emulator.plugin:
            print("The emulation is not set up: `edge-imgq doctor --set-up arm64`", file=sys.stderr)
            return 7
        run = count(
            emulation,
            arguments.network or list(NETWORKS),
            arguments.peer or list(PEERS),
            arguments.core or PHONES,
            arguments.size,
        )
    if arguments.json:
        write_phone_run(run, arguments.json)
    print(phone_table(run))
    late = behind(run, arguments.hold) if arguments.hold else []
    for words in late:
        report(words)
    return bool(late)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", action="append", choices=list(NETWORKS), help="default: all")
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="default: all")
    parser.add_argument("--core", action="append", choices=list(CORES), help=", ".join(PHONES))
    parser.add_argument("--size", type=size, metavar="HxW", help="default: each network's own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything counted here")
    parser.add_argument(
        "--show", type=Path, nargs="+", metavar="FILE", help="print the table of earlier runs"
    )
    parser.add_argument("--hold", type=float, metavar="RATIO", help="cycles of ours, of the best")
    return parser.parse_args()


def count(
    emulation: Emulation,
    names: Sequence[str],
    peers: Sequence[str],
    cores: Sequence[str],
    image_size: tuple[int, int] | None = None,
) -> PhoneRun:
    """Return what files of some networks take on some cores.

    `image_size` is the (height, width) that all networks are converted for; None for their own.
    """
    found_cases = (case_named(name, image_size) for name in names)
    cases = [case for case in found_cases if isinstance(case, Case)]
    files = files_of(cases, [peer for peer in PEERS if peer in peers], DEFAULT)
    entries = []
    with PhoneCounts(emulation, ROOT / "counts") as counts:
        for case in cases:
            for (maker, precision), file in files[case.name].items():
                reason = _reason(file, case, precision)
                for core in cores:
                    found = Skipped(reason) if reason else counts.cost(core, Path(str(file)))
                    cost, why = (None, found.reason) if isinstance(found, Skipped) else (found, "")
                    entries.append(PhoneEntry(case.name, maker, precision, core, cost, why))
    tools = find_llvm_mca()
    estimated = {
        core: f"instructions alone: {tools.reason}"
        if isinstance(tools, Skipped)
        else f"cycles by {tables(tools, core)}"
        for core in cores
    }
    versions = {peer: ENVIRONMENTS[PEERS[peer].environment].version for peer in peers}
    return PhoneRun(f"LiteRT {LITERT} (XNNPACK), 1 thread", estimated, versions, tuple(entries))


def _reason(file: Path | Skipped, case: Case, precision: str) -> str:
    """Return why a file does not count; empty if it does."""
    facts = facts_or_reason(file, case)
    if isinstance(facts, FileFacts) and facts.psnr >= FAITHFUL[precision]:
        return ""
    if isinstance(facts, FileFacts):
        return f"wrong image: {facts.psnr:.1f} dB against the float model"
    return sentence(facts.reason)


if __name__ == "__main__":
    sys.exit(main())
