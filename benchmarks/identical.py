"""Which files of two folders of exports are the same to the byte.

    python benchmarks/identical.py before/ after/

A Core ML package is compared file by file. Reports hold times and are left out. Of ONNX files that
differ it is said whether their graphs do, or their notes alone. Exits with 1 where any differ.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

REPORT = "report.json"


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, reports left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != REPORT
    }


def difference(before: Path, after: Path) -> str:
    """Return what two files differ in, in words."""
    if before.suffix == ".onnx" and _without_notes(before) == _without_notes(after):
        return "notes alone"
    return f"{before.stat().st_size} and {after.stat().st_size} bytes"


def compared(before: Path, after: Path) -> tuple[list[str], list[str]]:
    """Return the files that two folders share and that are the same, and lines on the others."""
    old, new = digests(before), digests(after)
    same = [name for name in old if old[name] == new.get(name)]
    lines = [f"{name}: only in {before}" for name in old.keys() - new.keys()]
    lines += [f"{name}: only in {after}" for name in new.keys() - old.keys()]
    both = [name for name in old if name in new and old[name] != new[name]]
    lines += [f"{name}: {difference(before / name, after / name)}" for name in both]
    return same, sorted(lines)


def _without_notes(path: Path) -> bytes:
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def main() -> None:
    """Compare, and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    same, lines = compared(options.before, options.after)
    print(*lines, f"{len(same)} files are the same, {len(lines)} are not", sep="\n")
    raise SystemExit(bool(lines))


if __name__ == "__main__":
    main()
