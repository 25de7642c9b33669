"""Imports go one way and in no circle, and files stay short enough to read."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.modules import MODULES, PACKAGE, imported, name

TESTS = sorted((CHECKOUT / "tests").rglob("*.py"))

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

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


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=lambda path: path.as_posix())
def test_no_file_is_longer_than_350_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_function_is_longer_than_40_lines(path: Path) -> None:
    """Its body, that is: what it takes and what it promises may need more words."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    assert [f.name for f in functions if body_lines(f) > 40] == []


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function has below its docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_the_lines_of_a_function_are_those_below_its_docstring() -> None:
    (function,) = ast.parse('def f(\n    a,\n):\n    """One.\n\n    Two."""\n    a\n\n    b\n').body
    assert isinstance(function, ast.FunctionDef)
    assert body_lines(function) == 3


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_no_test_imports_another(path: Path) -> None:
    """What tests share stands in a file that is no test, `build.py` for most."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in modules if name.rpartition(".")[2].startswith("test_")]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_no_test_asks_for_a_private_name(path: Path) -> None:
    """An ablation is a parameter; what tests replace or call has a public name."""
    assert private_names(path.read_text(encoding="utf-8")) == []


def private_names(source: str) -> list[str]:
    """Return the private names of this project that a test imports, calls or replaces."""
    tree = ast.parse(source)
    found, modules = [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and own(node.module or ""):
            modules |= {alias.asname or alias.name for alias in node.names}
            found += [alias.name for alias in node.names if is_private(alias.name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setattr":
            words = [a.value for a in node.args if isinstance(a, ast.Constant)]
            names = [word.rpartition(".")[2] for word in words if isinstance(word, str)]
            found += [name for name in names if is_private(name)]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += [node.attr] if node.value.id in modules and is_private(node.attr) else []
    return found


def own(module: str) -> bool:
    return module.partition(".")[0] in ("edge_imgq", "benchmarks")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_private_names_are_seen_however_they_are_asked_for() -> None:
    assert private_names("from edge_imgq.a import _b") == ["_b"]
    assert private_names("from edge_imgq import a\na._b()") == ["_b"]
    assert private_names('patch.setattr(a, "_b", None)') == ["_b"]
    assert private_names('patch.setattr("edge_imgq.a._b", None)') == ["_b"]
    assert private_names('from torch import _dynamo\npatch.setattr(a, "b", None)') == []
