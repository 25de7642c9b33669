"""What `converters.py` measured: as JSON, and as a table of at most 80 columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from textwrap import wrap

from benchmarks.files import FileFacts
from benchmarks.ours import OURS
from benchmarks.peer_table import PEERS

WIDTH = 80
FAITHFUL = {"float": 50.0, "int8": 20.0}
"""A file whose images are further from the float model's than this, in dB, is no conversion: its
time is shown nowhere."""

SHORT = {
    "tensorflow": "TF",
    "onnx2tf": "onnx2tf",
    "litert-torch": "ltt",
    "onnxsim": "onnxsim",
    "tensorflow+litert-quantizer": "TF+ltq",
    "litert-torch+litert-quantizer": "ltt+ltq",
}


@dataclass(frozen=True)
class Entry:
    """One file of one network, or why it is not there.

    Attributes:
        network: its name.
        maker: "edge-imgq" or a peer.
        precision: "float" or "int8".
        milliseconds: median of the rounds.
        facts: what the file is.
        reason: why it does not count; "" if it does.
    """

    network: str
    maker: str
    precision: str
    milliseconds: float | None = None
    facts: FileFacts | None = None
    reason: str = ""

    @property
    def counts(self) -> bool:
        """Whether the file runs and makes the right images."""
        return self.milliseconds is not None and not self.reason


@dataclass(frozen=True)
class Run:
    """All that one run measured, and where."""

    machine: str
    runtime: str
    date: str
    rounds: int
    versions: dict[str, str]
    entries: tuple[Entry, ...]

    def find(self, network: str, maker: str, precision: str) -> Entry | None:
        """Return an entry, None where it was not asked for."""
        wanted = (network, maker, precision)
        found = (e for e in self.entries if (e.network, e.maker, e.precision) == wanted)
        return next(found, None)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks in order."""
        return tuple(dict.fromkeys(entry.network for entry in self.entries))

    @property
    def makers(self) -> tuple[str, ...]:
        """The peers in the order of their table."""
        return tuple(peer for peer in PEERS if peer in self.versions)


def write_run(run: Run, path: Path) -> None:
    """Write a run as JSON."""
    path.write_text(json.dumps(asdict(run), indent=1) + "\n")


def read_run(path: Path) -> Run:
    """Read a run back."""
    fields = json.loads(path.read_text())
    entries = []
    for entry in fields["entries"]:
        facts = FileFacts(**entry["facts"]) if entry["facts"] else None
        entries.append(Entry(**{**entry, "facts": facts}))
    return Run(**{**fields, "entries": tuple(entries)})


def merged(runs: Sequence[Run]) -> Run:
    """Return several runs as one; of a network that is in two, the later one."""
    networks = {network: run for run in runs for network in run.networks}
    entries = (e for n, run in networks.items() for e in run.entries if e.network == n)
    versions = {peer: v for run in runs for peer, v in run.versions.items()}
    return replace(runs[-1], versions=versions, entries=tuple(entries))


def table(run: Run) -> str:
    """Return the tables of both precisions and the reasons below them."""
    reasons: dict[str, list[str]] = {}
    lines = wrap(f"{run.runtime}, {run.machine}, {run.rounds} rounds, {run.date}", WIDTH)
    lines += wrap(", ".join(f"{peer} {run.versions[peer]}" for peer in run.makers), WIDTH)
    for precision in FAITHFUL:
        lines += ["", *_times(run, precision, reasons)]
    lines += ["", "Files that are not there or do not count:"]
    for number, (reason, places) in enumerate(reasons.items(), 1):
        text = f"[{number}] {', '.join(places)}: {reason}"
        lines += wrap(text, WIDTH, subsequent_indent="    ")
    lines += ["", *_forms(run)]
    return "\n".join(line.rstrip() for line in lines)


def best_peer(run: Run, network: str, precision: str) -> Entry | None:
    """Return the fastest file of others that counts."""
    found = (run.find(network, peer, precision) for peer in run.makers)
    counting = [entry for entry in found if entry is not None and entry.counts]
    return min(counting, key=lambda entry: entry.milliseconds or 0.0, default=None)


def _times(run: Run, precision: str, reasons: dict[str, list[str]]) -> Iterator[str]:
    """Yield a row per network: our milliseconds, and every peer's as a multiple of them."""
    peers = [peer for peer in run.makers if precision in PEERS[peer].precisions]
    head = "".join(f"{SHORT[peer]:>8}" for peer in peers)
    yield f"{precision:16}{'ours ms':>8}{head}{'least':>7}"
    for network in run.networks:
        ours = run.find(network, OURS, precision)
        if ours is None:
            continue
        shown = f"{ours.milliseconds:8.1f}" if ours.counts else f"{_note(ours, reasons):>8}"
        cells = "".join(f"{_ratio(run, ours, peer, reasons):>8}" for peer in peers)
        best = best_peer(run, network, precision)
        least = _multiple(best, ours) if best and ours.counts else "—"
        yield f"{network:16}{shown}{cells}{least:>7}"


def _ratio(run: Run, ours: Entry, peer: str, reasons: dict[str, list[str]]) -> str:
    entry = run.find(ours.network, peer, ours.precision)
    if entry is None:
        return ""
    if not entry.counts:
        return _note(entry, reasons)
    return _multiple(entry, ours) if ours.counts else f"{entry.milliseconds:.1f} ms"


def _multiple(entry: Entry, ours: Entry) -> str:
    return f"{(entry.milliseconds or 0.0) / (ours.milliseconds or 1.0):.2f}"


def _note(entry: Entry, reasons: dict[str, list[str]]) -> str:
    """Return the number of a reason; files with the same reason share it."""
    places = reasons.setdefault(entry.reason, [])
    place = f"{entry.maker} {entry.network} {entry.precision}"
    if place not in places:
        places.append(place)
    return f"[{list(reasons).index(entry.reason) + 1}]"


def _forms(run: Run) -> Iterator[str]:
    """Yield what our files and the fastest others are made of, and how near they are."""
    columns = f"{'operators':>11}{'partitions':>11}{'outside':>9}{'dB':>7}{'worst':>7}"
    yield f"{'':35}{columns}"
    for network in run.networks:
        for precision in FAITHFUL:
            pair = (run.find(network, OURS, precision), best_peer(run, network, precision))
            for entry in pair:
                if entry is not None and entry.facts is not None:
                    yield _form(entry, SHORT.get(entry.maker, "ours"))


def _form(entry: Entry, maker: str) -> str:
    facts = entry.facts
    assert facts is not None
    counts = (sum(facts.operators.values()), facts.partitions, sum(facts.outside.values()))
    shown = f"{counts[0]:>11}{counts[1]:>11}{counts[2]:>9}{facts.psnr:>7.1f}{facts.worst:>7.1f}"
    return f"{entry.network:17}{entry.precision:8}{maker:10}{shown}"
