"""Imports go one way and in no circle, and files stay short enough to read."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.modules import MODULES, PACKAGE, imported, name

TESTS = sorted((CHECKOUT / "tests").rglob("*.py"))

TIERS = (
    {"cli", "__main__"},
    {"api"},
    {"pipeline"},
    {"train", "export", "quantize", "verify", "bench", "report", "bundle"},
    {"devices"},
    {"models", "graph", "runtime", "images", "metrics"},
    {"recipe", "kernels", "ci", "artifact", "chips", "contract", "formats", "ports"}
    | {"skipped", "errors", "wording", "native_output", "version"},
)
"""From the top down: a stage imports its own tier and those below it."""

TIER = {stage: level for level, stages in enumerate(TIERS) for stage in stages}


def module(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_stage_imports_one_above_it(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for other in imported(path):
        parts = other.split(".")
        if parts[0] == "edge_imgq" and len(parts) > 1 and parts[1] in TIER and own in TIER:
            assert TIER[parts[1]] >= TIER[own], f"{own} must not import {other}"


def test_no_files_import_each_other_in_a_circle() -> None:
    names = {module(path) for path in MODULES}
    imports = {
        module(path): {
            name if name in names else name.rpartition(".")[0] for name in imported(path)
        }
        for path in MODULES
    }
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_every_stage_has_a_tier() -> None:
    stages = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in MODULES}
    assert stages - {"__init__"} <= set(TIER)


def test_the_check_sees_a_wrong_import(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f():\n    from edge_imgq.cli import main\n")
    assert list(imported(wrong)) == ["edge_imgq.cli.main"]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_file_is_longer_than_350_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_no_test_imports_another(path: Path) -> None:
    """What tests share stands in a file that is no test, `build.py` for most."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in modules if name.rpartition(".")[2].startswith("test_")]
