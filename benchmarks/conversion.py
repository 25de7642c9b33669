"""Letting peers write files: many jobs in one process of theirs, crashes survived, files kept."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import Case
from benchmarks.environments import interpreter
from benchmarks.peer_table import ENVIRONMENTS, PEERS, QUANTIZERS, Peer
from edge_imgq.skipped import Skipped

SCRIPTS = Path(__file__).resolve().parent / "peers"
ALL = {**PEERS, **QUANTIZERS}
PATIENCE = 900.0
"""Seconds after which a peer that has finished no file is ended."""

MAX_CHARACTERS = 150
"""Characters of a reason."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """A file that a peer is asked for, and where it lies once it was written."""

    network: str
    precision: str
    case: Path
    out: Path
    base: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether there is a file or a refusal."""
        return self.out.exists() or self.refusal.exists()

    @property
    def refusal(self) -> Path:
        """The text file with a refusal."""
        return self.out.with_suffix(".txt")

    @property
    def result(self) -> Path | Skipped:
        """The file, or why there is none."""
        return self.out if self.out.exists() else Skipped(self.refusal.read_text())


def convert(
    name: str,
    cases: Sequence[Case],
    root: Path,
    report: Report,
    precisions: Sequence[str] | None = None,
) -> list[Wanted]:
    """Return what a peer was asked for, every one answered; what was asked before is kept.

    Args:
        name: of the peer.
        cases: the networks.
        root: folder of all files.
        report: told how far it is.
        precisions: which of the peer's to ask for; all by default.
    """
    peer = ALL[name]
    asked = precisions or peer.precisions
    jobs = [_wanted(name, case, precision, root) for case in cases for precision in asked]
    if all(job.is_answered for job in jobs):
        return jobs
    python = interpreter(peer.environment)
    if isinstance(python, Skipped):
        for job in jobs:
            job.out.parent.mkdir(parents=True, exist_ok=True)
            job.refusal.write_text(python.reason)
        return jobs
    while left := [job for job in jobs if not job.is_answered]:
        run_converter(name, peer, python, left, report)
    return jobs


def file_of(name: str, case: Case, precision: str, root: Path) -> Path:
    """Return where a peer's file lies; its name changes with all that the file depends on."""
    peer = ALL[name]
    digest = hashlib.sha256(case.key.encode())
    digest.update("\n".join(ENVIRONMENTS[peer.environment].requirements).encode())
    scripts = [SCRIPTS / peer.script]
    if peer.base:
        digest.update(file_of(peer.base, case, "float", root).name.encode())
    if peer.script == "by_tensorflow.py":
        scripts += sorted(SCRIPTS.glob("rebuild*.py"))
    for script in scripts:
        digest.update(script.read_bytes())
    return root / case.name / f"{name}-{precision}-{digest.hexdigest()[:12]}{peer.suffix}"


def _wanted(name: str, case: Case, precision: str, root: Path) -> Wanted:
    base = ALL[name].base
    start = str(file_of(base, case, "float", root)) if base else ""
    return Wanted(case.name, precision, case.folder, file_of(name, case, precision, root), start)


def run_converter(
    name: str, peer: Peer, python: Path, jobs: Sequence[Wanted], report: Report
) -> None:
    """Start a peer with all jobs that are left; where it ends early, the first is to blame."""
    for job in jobs:
        job.out.parent.mkdir(parents=True, exist_ok=True)
    folder = jobs[0].out.parent.parent
    listing, log = folder / f"{name}.json", folder / f"{name}.log"
    with TemporaryDirectory() as copies, log.open("w") as stream:
        entries = [_entry(job, Path(copies) / str(place)) for place, job in enumerate(jobs)]
        listing.write_text(json.dumps(entries))
        process = subprocess.Popen(
            [python, SCRIPTS / peer.script, listing], stdout=stream, stderr=subprocess.STDOUT
        )
        try:
            code = _watch(process, name, jobs, report)
        finally:
            process.kill()
            process.wait()
    left = [job for job in jobs if not job.is_answered]
    if left:
        left[0].refusal.write_text(_crash(code, log))


def _entry(job: Wanted, copies: Path) -> Mapping[str, str]:
    """Return what a script is told of a job.

    It gets a copy of the case, because onnx2tf simplifies the network in the file that it is given:
    the peers after it would get another network, and the next run would ask all of them again.
    """
    return {
        "precision": job.precision,
        "case": str(shutil.copytree(job.case, copies / job.case.name)),
        "out": str(job.out),
        "base": job.base,
    }


def _watch(
    process: subprocess.Popen[bytes], name: str, jobs: Sequence[Wanted], report: Report
) -> int | None:
    """Wait for a process; return its exit code, None where it ran out of patience."""
    done, since = -1, time.monotonic()
    while True:
        code = process.poll()
        now = sum(job.is_answered for job in jobs)
        if now > done:
            done, since = now, time.monotonic()
            report(f"{name}: {done} of {len(jobs)} files")
        if code is not None:
            return code
        if time.monotonic() - since > PATIENCE:
            return None
        time.sleep(0.2)


def _crash(code: int | None, log: Path) -> str:
    if code is None:
        return f"had not finished after {PATIENCE / 60:.0f} minutes"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"crashed with exit code {code}: {lines[-1] if lines else 'no word'}"


def sentence(reason: str) -> str:
    """Return a peer's refusal as one line of bounded length; of a traceback, its last."""
    if "in user code:" in reason:  # TensorFlow puts the traceback into the message
        reason = reason.strip().splitlines()[-1]
    text = re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", reason)).strip()
    text = re.sub(r"(/[\w.+-]+){3,}/", "…/", text)
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
