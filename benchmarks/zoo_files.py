"""Writes the files of every network that ships, all targets, without running them.

    python benchmarks/zoo_files.py after/
    python benchmarks/zoo_files.py before/ --checkout ../another-checkout
    python benchmarks/identical.py before/ after/

A process of its own for each network.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent

WRITE = """
import shutil, sys
from pathlib import Path
from edge_imgq.cli.main import main
try:
    from edge_imgq.pipeline.export import write_and_verify as writing
except ImportError:  # an older checkout
    from edge_imgq.pipeline import written_files as writing

name, output = sys.argv[1:]

def keep(folder, *_):
    shutil.copytree(folder, Path(output) / name, dirs_exist_ok=True)
    raise SystemExit(0)

writing.verify_files = keep
main(["export", name, "--target", "all", "--output", "unfinished"])
raise SystemExit(1)
"""
"""Ends where the files would be verified."""

NAMES = "from edge_imgq.models.zoo import ZOO; print(*ZOO)"


def run(checkout: Path, folder: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python on a checkout's package, in a folder without any."""
    return subprocess.run(
        [sys.executable, "-c", *words],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> None:
    """Write files, network by network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--checkout", type=Path, default=HERE)
    parser.add_argument("--only", default="", help="networks whose name holds this")
    options = parser.parse_args()
    output, checkout = options.output.resolve(), options.checkout.resolve()
    with tempfile.TemporaryDirectory() as folder:
        for name in run(checkout, folder, NAMES).stdout.split():
            if options.only not in name:
                continue
            done = run(checkout, folder, WRITE, name, str(output))
            said = done.stderr.strip().split("\n")[-1] if done.returncode else "written"
            print(f"{name:20} {said}", flush=True)


if __name__ == "__main__":
    main()
