"""How quick the tool itself is: `--help`, conversions, and a whole export without timing.

    python benchmarks/quickness.py
    python benchmarks/quickness.py --beside ../another-checkout --rounds 3

Processor seconds (user and system) and the peak of memory, of a process of its own for each, in
turns with another checkout where there is one; the least of the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent

EXPORT = """
import sys
from edge_imgq.devices.host import HostSession
from edge_imgq.skipped import Skipped
from edge_imgq.cli.main import main
HostSession.latency = lambda self, *a, **k: Skipped("not timed")
main(["export", "fsrcnn-x2", "--target", "all", "--json", "--output", sys.argv[1]])
"""
"""Not by --no-bench, which older checkouts lack."""

CONVERT = """
import sys
sys.path.insert(0, {tests!r})
from tests.families.even_steps import plain_network
from edge_imgq.contract import FileNote, ImageContract
try:
    from edge_imgq.export.functions import functions_of
    write = functions_of({form!r}).write
except ImportError:  # an older checkout
    from edge_imgq.export.formats import WRITERS
    write = WRITERS[{form!r}]
try:
    from edge_imgq.export.export_spec import ExportSpec
    from edge_imgq.graph.load.load import normalise
except ImportError:  # before these had the field's names
    from edge_imgq.graph.load import normalise
    try:
        from edge_imgq.export.order import Order as ExportSpec
    except ImportError:
        from edge_imgq.export.formats import Order as ExportSpec
from edge_imgq.graph.rewrite import rewrite
from pathlib import Path
model = rewrite(normalise(plain_network(29, 64), "plain"), ["canonical"])
try:
    from edge_imgq.graph.prepared import PreparedGraph
    model = PreparedGraph(model)
except ImportError:  # older checkouts write the model itself
    pass
note = FileNote("plain", "plain", ImageContract("image-to-image", 1, "rgb"), "0.0")
write(model, ExportSpec(((180, 320),), note), Path(sys.argv[1]) / {name!r})
"""
"""A network of a million parameters, to one file."""

JOBS: dict[str, list[str]] = {
    "--help": ["-m", "edge_imgq", "--help"],
    "a million parameters to TFLite": [
        "-c",
        CONVERT.format(tests=str(HERE), form="tflite", name="p.tflite"),
    ],
    "a million parameters to Core ML": [
        "-c",
        CONVERT.format(tests=str(HERE), form="coreml", name="p.mlpackage"),
    ],
    "export fsrcnn-x2 --target all --no-bench": ["-c", EXPORT],
}


@dataclass(frozen=True)
class Spent:
    """What a process took.

    Attributes:
        seconds: of processors, its children's included.
        megabytes: resident at its peak.
    """

    seconds: float
    megabytes: float


def spent(checkout: Path, words: list[str]) -> Spent:
    """Run Python on a checkout's package and return what that took."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, *words, folder] if words[0] == "-c" else [sys.executable, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(checkout)},
        )
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit(f"{checkout}: {words[:2]} failed")
    return Spent(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="jobs whose name holds this")
    options = parser.parse_args()
    checkouts = [HERE, *([options.beside.resolve()] if options.beside else [])]
    for name, words in JOBS.items():
        if options.only not in name:
            continue
        runs: dict[Path, list[Spent]] = {checkout: [] for checkout in checkouts}
        for _ in range(options.rounds):
            for checkout in checkouts:
                runs[checkout].append(spent(checkout, words))
        for checkout, found in runs.items():
            seconds = min(run.seconds for run in found)
            megabytes = max(run.megabytes for run in found)
            print(f"{name:42} {seconds:7.2f} s {megabytes:6.0f} MB  {checkout.name}", flush=True)


if __name__ == "__main__":
    main()
