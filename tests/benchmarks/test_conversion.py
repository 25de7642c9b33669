"""Peers that write, refuse, crash; each is a script that stands in for a converter."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import conversion
from benchmarks.peer_table import Peer
from edge_imgq.skipped import Skipped

SCRIPT = """
import os
from job import work

def convert(job):
    name = job.case.name
    if name == "refused":
        raise ValueError("no such operator")
    if name == "crashed":
        print("about to fall", flush=True)
        os.abort()
    data = b"file of " + job.model.read_bytes()
    job.model.write_bytes(b"simplified")
    return data

work(convert)
"""


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A peer that runs in this interpreter, from a script beside the real ones' `job.py`."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "job.py").write_bytes((conversion.SCRIPTS / "job.py").read_bytes())
    (scripts / "by_test.py").write_text(SCRIPT)
    monkeypatch.setattr(conversion, "SCRIPTS", scripts)
    monkeypatch.setitem(
        conversion.ALL, "test", Peer("onnxruntime", "by_test.py", precisions=("float",))
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(conversion, "interpreter", lambda _name: Path(sys.executable))
    return tmp_path


def case(name: str) -> Any:
    folder = Path(name)
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_text(name)
    return SimpleNamespace(name=name, key=name, folder=folder)


def test_a_crash_costs_one_file_and_the_others_are_still_written(peer: Path) -> None:
    cases = [case(name) for name in ("first", "refused", "crashed", "last")]
    answers = {a.network: a.result for a in conversion.convert("test", cases, peer, print)}
    assert isinstance(answers["first"], Path)
    assert answers["first"].read_bytes() == b"file of first"
    assert answers["refused"] == Skipped("ValueError: no such operator")
    assert answers["crashed"] == Skipped("crashed with exit code -6: about to fall")
    assert isinstance(answers["last"], Path)


def test_what_was_answered_before_is_not_asked_again(
    peer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversion.convert("test", [case("first"), case("refused")], peer, print)
    monkeypatch.setattr(conversion, "run_converter", lambda *_arguments: pytest.fail("asked again"))
    again = conversion.convert("test", [case("first"), case("refused")], peer, print)
    assert [type(answer.result) for answer in again] == [type(peer), Skipped]


def test_a_peer_that_changes_its_network_changes_it_for_nobody_else(peer: Path) -> None:
    (answer,) = conversion.convert("test", [case("first")], peer, print)
    assert isinstance(answer.result, Path)
    assert (peer / "first" / "model.onnx").read_text() == "first"


def test_another_version_of_the_network_or_the_script_is_another_file(peer: Path) -> None:
    before = conversion.file_of("test", case("first"), "float", peer)
    other = SimpleNamespace(name="first", key="other weights", folder=Path("first"))
    assert conversion.file_of("test", other, "float", peer) != before  # type: ignore[arg-type]
    (peer / "scripts" / "by_test.py").write_text(SCRIPT + "# changed")
    assert conversion.file_of("test", case("first"), "float", peer) != before


def test_a_reason_is_one_short_line_without_paths() -> None:
    reason = conversion.sentence(
        "Error:\n  in /home/some/one/deep/file.py\n\x1b[31mred\x1b[0m" + "x" * 300
    )
    assert reason.startswith("Error: in …/file.py red")
    assert len(reason) == conversion.MAX_CHARACTERS
