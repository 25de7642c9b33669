"""The same networks through edge-imgq and through the converters of others, timed in turn.

    python benchmarks/converters.py [--network NAME]... [--peer NAME]... [--rounds 20] [--json FILE]
    python benchmarks/converters.py --show FILE...

Every peer lives in an environment of its own in `.venv-peers/`, which is made at first use. All are
given the same float network and the same calibration images (`benchmarks/cases.py`). Files are kept
there too, so a run that was cut off goes on where it was. All files of a network, float and int8,
take turns in one process, one thread, run by the LiteRT of edge-imgq's own environment, and are
loaded anew every few rounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.cases import IMAGES, Case, case_of
from benchmarks.conversion import convert, sentence
from benchmarks.converter_table import FAITHFUL, Entry, Run, merged, read_run, table, write_run
from benchmarks.environments import ROOT
from benchmarks.files import FileFacts, facts_of, prepared
from benchmarks.networks import NETWORKS
from benchmarks.ours import OURS, TARGETS, write_ours
from benchmarks.peer_table import ENVIRONMENTS, PEERS
from benchmarks.turns import take_turns_anew
from edge_imgq.devices.stopwatch import host_name
from edge_imgq.errors import EdgeImgqError
from edge_imgq.kernels.processors import OF_PROCESSOR
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.skipped import Skipped

TIMED_ON = "cpu:x86"
"""The processor that our files are for: that of the servers that they are timed on."""


def main() -> None:
    """Convert, measure, time, print."""
    arguments = _arguments()
    torch.set_num_threads(1)  # sums of several threads differ from run to run, and with them files
    if arguments.show:
        print(table(merged([read_run(path) for path in arguments.show])))
        return
    run = compare(
        arguments.network or list(NETWORKS), arguments.peer or list(PEERS), arguments.rounds
    )
    if arguments.json:
        write_run(run, arguments.json)
    print(table(run))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", action="append", choices=list(NETWORKS), help="default: all")
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="default: all")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured here")
    parser.add_argument(
        "--show", type=Path, nargs="+", metavar="FILE", help="print the table of earlier runs"
    )
    return parser.parse_args()


def compare(names: Sequence[str], peers: Sequence[str], rounds: int) -> Run:
    """Return what was measured of some networks and peers."""
    cases, entries = [], []
    for name in names:
        report(f"network {name}")
        case = case_named(name)
        if isinstance(case, Case):
            cases.append(case)
        else:
            entries.append(Entry(name, OURS, "float", reason=case.reason))
    kernels = OF_PROCESSOR[TIMED_ON]
    files = files_of(cases, [peer for peer in PEERS if peer in peers], kernels)
    for case in cases:
        entries += _measured(case, files[case.name], rounds)
    versions = {peer: ENVIRONMENTS[PEERS[peer].environment].version for peer in peers}
    return Run(
        machine=host_name(),
        runtime=f"LiteRT {version('ai-edge-litert')} (XNNPACK), 1 thread",
        date=time.strftime("%Y-%m-%d"),
        rounds=rounds,
        versions=versions,
        entries=tuple(entries),
    )


def case_named(name: str, size: tuple[int, int] | None = None) -> Case | Skipped:
    """Return a network with its images, at its own or another (height, width), or why not."""
    network, folder = NETWORKS[name], name
    if size is not None:
        network, folder = replace(network, size=size), f"{name}-{size[0]}x{size[1]}"
    try:
        return case_of(name, network, ROOT / "cases" / folder)
    except EdgeImgqError as error:
        return Skipped(sentence(str(error)))


Key = tuple[str, str]
"""Maker and precision."""

Files = dict[Key, Path | Skipped]
"""The files, or why there is none."""


def files_of(
    cases: Sequence[Case], peers: Sequence[str], kernels: KernelProfile
) -> dict[str, Files]:
    """Return all files by network; a peer that starts from another's file comes behind it.

    Args:
        cases: the networks.
        peers: keys of PEERS.
        kernels: of the processor that ours are for.
    """
    files: dict[str, Files] = {case.name: {} for case in cases}
    root = ROOT / "files"
    for case in cases:
        report(f"{OURS}: {case.name}")
        for precision in TARGETS:
            files[case.name][OURS, precision] = write_ours(case, precision, root, kernels)
    for peer in peers:
        for answer in convert(peer, cases, root, report):
            files[answer.network][peer, answer.precision] = answer.result
    return files


def _measured(case: Case, files: Files, rounds: int) -> list[Entry]:
    """Look into all files of a network and time those that can be trusted with a turn."""
    report(f"measure {case.name}")
    facts = {key: facts_or_reason(file, case) for key, file in files.items()}
    image = np.load(case.folder / IMAGES)[0]
    good = {
        key: file
        for key, file in files.items()
        if isinstance(file, Path) and isinstance(facts[key], FileFacts)
    }
    report(f"time {len(good)} files of {case.name}")
    times = take_turns_anew(partial(_calls, good, image), rounds) if good else {}
    return [_entry(case.name, key, facts[key], times.get(key)) for key in files]


def _calls(files: Mapping[Key, Path], image: Any) -> dict[Key, Callable[[], None]]:
    return {key: prepared(file, image) for key, file in files.items()}


def facts_or_reason(file: Path | Skipped, case: Case) -> FileFacts | Skipped:
    """Return what a file is, or why there is none or LiteRT does not take it."""
    return file if isinstance(file, Skipped) else facts_of(file, case.folder)


def _entry(
    network: str, key: tuple[str, str], facts: FileFacts | Skipped, milliseconds: float | None
) -> Entry:
    maker, precision = key
    if isinstance(facts, Skipped):
        return Entry(network, maker, precision, reason=sentence(facts.reason))
    reason = ""
    if facts.psnr < FAITHFUL[precision]:
        reason = f"wrong image: {facts.psnr:.1f} dB against the float model"
    return Entry(network, maker, precision, milliseconds, facts, reason)


def report(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
