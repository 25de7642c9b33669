"""Written files: digests, and that nothing half-written is ever left."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_imgq.artifact import (
    output_errors,
    sha256_of,
    size_of,
    staging,
    write_bytes,
    write_errors,
    write_text,
)
from edge_imgq.errors import OutputError


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """Let writing fail as on a full disk: no file may grow beyond `limit` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def names(folder: Path) -> list[str]:
    return sorted(entry.relative_to(folder).as_posix() for entry in folder.rglob("*"))


def test_a_files_digest_is_what_sha256sum_prints(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"edge" * 1_000_000)
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert size_of(path) == 4_000_000


def test_a_packages_digest_changes_with_names_and_contents_alone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "Data").mkdir(parents=True)
        (tmp_path / name / "Manifest.json").write_text("{}")
        (tmp_path / name / "Data" / "weights.bin").write_bytes(b"12345")
    one, two = tmp_path / "one", tmp_path / "two"
    assert sha256_of(one) == sha256_of(two)
    assert size_of(one) == 7
    (two / "Data" / "weights.bin").rename(two / "Data" / "weight.bin")
    assert sha256_of(one) != sha256_of(two)


def test_a_file_that_spells_out_its_neighbour_does_not_stand_for_it(tmp_path: Path) -> None:
    """Names and contents run together would be the same bytes for both packages."""
    for folder in ("two-files", "one-file"):
        (tmp_path / folder).mkdir()
    (tmp_path / "two-files" / "a").write_bytes(b"x")
    (tmp_path / "two-files" / "b").write_bytes(b"y")
    (tmp_path / "one-file" / "a").write_bytes(b"xb\0y")
    assert sha256_of(tmp_path / "two-files") != sha256_of(tmp_path / "one-file")


def test_a_file_is_replaced_not_overwritten(tmp_path: Path) -> None:
    """Whoever has the old file open, or linked, keeps the old file."""
    path, link = tmp_path / "report.json", tmp_path / "link"
    path.write_text("old")
    os.link(path, link)
    write_text(path, "new")
    assert (path.read_text(), link.read_text()) == ("new", "old")


def test_staged_files_and_folders_replace_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "model.mlpackage").mkdir()
    (tmp_path / "model.mlpackage" / "old").write_text("old")
    (tmp_path / "kept").write_text("kept")
    with staging(tmp_path) as temporary:
        (temporary / "model.mlpackage").mkdir()
        (temporary / "model.mlpackage" / "new").write_text("new")
        (temporary / "model.tflite").write_text("new")
        assert names(tmp_path / "model.mlpackage") == ["old"]
    assert names(tmp_path) == ["kept", "model.mlpackage", "model.mlpackage/new", "model.tflite"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_a_failure_leaves_the_folder_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "model").write_text("old")

    def fail() -> None:
        with staging(tmp_path) as temporary:
            (temporary / "model").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model").read_text() == "old"


def test_a_failure_removes_the_folders_that_were_made_for_the_output(tmp_path: Path) -> None:
    def fail() -> None:
        with staging(tmp_path / "artifacts" / "model"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == []


def test_a_move_that_fails_halfway_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("old")
    rename, calls = Path.rename, []

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return rename(self, target)

    def run() -> None:
        with staging(tmp_path) as temporary:
            for name in ("a", "b"):
                (temporary / name).write_text("new")
            monkeypatch.setattr(Path, "rename", interrupted)

    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.undo()
    assert {(tmp_path / name).read_text() for name in ("a", "b")} == {"old"}
    assert names(tmp_path) == ["a", "b"]


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    with file_size_limit(10_000), pytest.raises(OutputError, match=r"could not be written.*larger"):
        write_bytes(tmp_path / "model.tflite", b"x" * 100_000)
    assert names(tmp_path) == []


def test_a_full_disk_says_how_much_is_free(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "model"))
    with (
        pytest.raises(OutputError, match=r"the disk is full \([\d.]+ MB are free"),
        output_errors(tmp_path),
    ):
        raise full


def test_a_full_disk_while_staging_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("old")

    def run() -> None:
        with staging(tmp_path) as temporary:
            (temporary / "model").write_bytes(b"x" * 100_000)

    with file_size_limit(10_000), pytest.raises(OutputError):
        run()
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model").read_text() == "old"


def test_a_file_where_a_folder_must_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file")
    with (
        pytest.raises(OutputError, match="is a file, not a folder"),
        staging(tmp_path / "artifacts" / "model"),
    ):
        pass
    with (
        pytest.raises(OutputError, match="is a file, not a folder"),
        staging(tmp_path / "artifacts"),
    ):
        pass
    assert (tmp_path / "artifacts").read_text() == "a file"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="/proc takes no folders")
def test_a_place_that_takes_no_folders_is_a_sentence() -> None:
    with pytest.raises(OutputError, match="/proc/x cannot be written: no folder can be made there"):
        write_text(Path("/proc/x/file"), "text")
    with pytest.raises(OutputError, match="Choose another place"), staging(Path("/proc/x")):
        pass


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="/proc takes no files")
def test_a_folder_that_takes_no_files_is_a_sentence() -> None:
    with pytest.raises(OutputError, match=r"^/proc/history\.jsonl cannot be written: "):
        write_text(Path("/proc/history.jsonl"), "text")


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_any_error_of_writing_names_the_file_and_not_the_one_beside_it(
    tmp_path: Path, number: int
) -> None:
    path, said = tmp_path / "log.jsonl", os.strerror(number)
    with pytest.raises(OutputError) as refused, write_errors(path):
        raise OSError(number, said, None if number == errno.EIO else f"{tmp_path}/.log.part")
    assert str(refused.value).startswith(f"{path} c")


def test_an_error_about_an_unrelated_file_passes_unchanged(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), output_errors(tmp_path / "output"):
        raise PermissionError(errno.EACCES, "no", str(tmp_path / "input.onnx"))


def test_text_is_written_whole_and_makes_its_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "reports" / "report.json", "ä\n")
    assert (tmp_path / "reports" / "report.json").read_bytes() == "ä\n".encode()
    assert names(tmp_path) == ["reports", "reports/report.json"]
