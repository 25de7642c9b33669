"""What `phones.py` counted: as JSON, and as tables of at most 80 columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import wrap

from benchmarks.converter_table import FAITHFUL, SHORT, WIDTH
from benchmarks.ours import OURS
from benchmarks.peer_table import PEERS


@dataclass(frozen=True)
class Cost:
    """What one call of a file takes on a core.

    Attributes:
        instructions: of all operators.
        cycles: of compute, estimated; None without llvm-mca.
        memory: bytes from and to memory, in the model of the core's caches.
        slowest: kernel of the operator that takes most, with its share.
    """

    instructions: int
    cycles: int | None
    memory: int
    slowest: str

    @property
    def compute(self) -> int:
        """Cycles, or instructions where nothing estimates them."""
        return self.instructions if self.cycles is None else self.cycles


@dataclass(frozen=True)
class PhoneEntry:
    """One file of one network on one core; `reason` says why there is no cost."""

    network: str
    maker: str
    precision: str
    core: str
    cost: Cost | None = None
    reason: str = ""


@dataclass(frozen=True)
class PhoneRun:
    """All that one run counted.

    Attributes:
        runtime: LiteRT with its version.
        estimated: what cycles are estimated with, by core, or why there are none.
        versions: of the peers.
        entries: in the order of networks.
    """

    runtime: str
    estimated: dict[str, str]
    versions: dict[str, str]
    entries: tuple[PhoneEntry, ...]

    def cost(self, network: str, maker: str, precision: str, core: str) -> Cost | None:
        """Return what a file takes; None where there is none that counts."""
        wanted = (network, maker, precision, core)
        found = (e for e in self.entries if (e.network, e.maker, e.precision, e.core) == wanted)
        entry = next(found, None)
        return entry.cost if entry else None

    def peers(self, precision: str) -> list[str]:
        """Return the peers that write files of a precision, in their order."""
        return [p for p in PEERS if p in self.versions and precision in PEERS[p].precisions]

    def least(self, network: str, precision: str, core: str) -> Cost | None:
        """Return what the best file of others takes."""
        costs = (self.cost(network, p, precision, core) for p in self.peers(precision))
        return min(filter(None, costs), key=lambda cost: cost.compute, default=None)


def write_phone_run(run: PhoneRun, path: Path) -> None:
    """Write a run as JSON."""
    path.write_text(json.dumps(asdict(run), indent=1) + "\n")


def read_phone_run(path: Path) -> PhoneRun:
    """Read a run back."""
    fields = json.loads(path.read_text())
    entries = (
        PhoneEntry(**{**entry, "cost": Cost(**entry["cost"]) if entry["cost"] else None})
        for entry in fields["entries"]
    )
    return PhoneRun(**{**fields, "entries": tuple(entries)})


def phone_table(run: PhoneRun) -> str:
    """Return a table for each core and precision, and below them what does not count.

    The last column is the memory of the best other file, in multiples of ours.
    """
    lines = [run.runtime, *wrap(", ".join(f"{p} {v}" for p, v in run.versions.items()), WIDTH)]
    for core, words in run.estimated.items():
        lines += ["", *wrap(f"{core}: {words}", WIDTH)]
        for precision in FAITHFUL:
            lines += _rows(run, core, precision)
    reasons: dict[str, list[str]] = {}
    for entry in run.entries:
        if entry.reason:
            place = f"{entry.maker} {entry.network} {entry.precision}"
            places = reasons.setdefault(entry.reason, [])
            places += [] if place in places else [place]
    if reasons:
        lines += ["", "Files that are not there or do not count:"]
    for reason, named in reasons.items():
        lines += wrap(f"{', '.join(named)}: {reason}", WIDTH, subsequent_indent="    ")
    return "\n".join(line.rstrip() for line in lines)


def behind(run: PhoneRun, most: float) -> list[str]:
    """Return a sentence for each file of ours that takes more than the best other file.

    Args:
        run: what was counted.
        most: multiple of the best other file's cycles that ours may take.
    """
    found = []
    for entry in run.entries:
        if entry.maker != OURS or entry.cost is None:
            continue
        other = run.least(entry.network, entry.precision, entry.core)
        if other and entry.cost.compute > most * other.compute:
            ratio = entry.cost.compute / other.compute
            where = f"{entry.network} {entry.precision} on {entry.core}"
            found.append(f"{where}: {ratio:.3f} times the best other file")
    return found


def _rows(run: PhoneRun, core: str, precision: str) -> Iterator[str]:
    """Yield a row per network: our cycles and bytes, and others' as multiples of them."""
    peers = run.peers(precision)
    yield (
        f"{precision:13}{'ours M':>8}{'MB':>6}" + "".join(f"{SHORT[p]:>8}" for p in peers) + "   MB"
    )
    for network in dict.fromkeys(entry.network for entry in run.entries):
        ours = run.cost(network, OURS, precision, core)
        shown = f"{ours.compute / 1e6:8.1f}{ours.memory / 1e6:6.0f}" if ours else f"{'—':>8}{'':6}"
        costs = [run.cost(network, peer, precision, core) for peer in peers]
        cells = "".join(f"{_multiple(cost, ours):>8}" for cost in costs)
        best = run.least(network, precision, core)
        moved = f"{best.memory / max(ours.memory, 1):5.2f}" if best and ours else "    —"
        yield f"{network:13}{shown}{cells}{moved}"


def _multiple(cost: Cost | None, ours: Cost | None) -> str:
    return f"{cost.compute / ours.compute:.2f}" if cost and ours else "—"


def merged_phone_runs(runs: Sequence[PhoneRun]) -> PhoneRun:
    """Return several runs as one; of a network that is in two, the later one's entries."""
    latest = {entry.network: run for run in runs for entry in run.entries}
    entries = (e for n, run in latest.items() for e in run.entries if e.network == n)
    estimated = {core: words for run in runs for core, words in run.estimated.items()}
    versions = {peer: version for run in runs for peer, version in run.versions.items()}
    return PhoneRun(runs[-1].runtime, estimated, versions, tuple(entries))
