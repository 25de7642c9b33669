"""Checksums and archives as sha256sum and Python's zip reader take them, equal byte for byte."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from edge_imgq.bundle.archive import SUMS, read_sums, sums, zipped
from edge_imgq.errors import RecipeError

FILES = {"README.md": b"# x\n", "models/a b.tflite": bytes(range(256)), "models/é.onnx": b""}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="has no sha256sum")
def test_sha256sum_checks_the_files(tmp_path: Path) -> None:
    for name, data in (FILES | {SUMS: sums(FILES)}).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    command = ["sha256sum", "--check", "--strict", "--quiet", SUMS]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "README.md").write_bytes(b"# y\n")
    changed = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True)
    assert changed.returncode == 1
    assert changed.stdout.startswith(b"README.md: ")
    assert list(read_sums(sums(FILES).decode())) == sorted(FILES)


@pytest.mark.parametrize("line", ["README.md", "0" * 63 + "  README.md", "0" * 64 + " README.md"])
def test_a_line_that_is_no_digest_is_named(line: str) -> None:
    with pytest.raises(RecipeError, match="is not the digest of a file"):
        read_sums(line)


def test_an_archive_holds_the_files_below_its_folder_in_any_order_the_same() -> None:
    packed = zipped(FILES, "app")
    assert zipped(dict(reversed(FILES.items())), "app") == packed
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(f"app/{name}") for name in FILES} == FILES
        assert len(archive.namelist()) == len(FILES)
        modes = {entry.external_attr >> 16 for entry in archive.infolist()}
        assert modes == {0o644}
