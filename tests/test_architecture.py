"""Imports go one way and in no circle, and files stay short enough to read."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import CHECKOUT
from tests.modules import MODULES, PACKAGE, imported, name, nodes

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
    | {"scale", "skipped", "errors", "wording", "native_output", "library_warnings"}
    | {"version"},
)
"""From the top down: a stage imports its own tier and those below it."""

TIER = {stage: level for level, stages in enumerate(TIERS) for stage in stages}


def module(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_stage_imports_one_above_it() -> None:
    wrong = [f"{name(path)} must not import {other}" for path in MODULES for other in above(path)]
    assert wrong == []


def above(path: Path) -> list[str]:
    """Return what a file imports of stages above its own."""
    own = name(path).partition("/")[0].removesuffix(".py")
    parts = [(other, other.split(".")[1:2]) for other in imported(path) if is_own(other)]
    return [
        other
        for other, stage in parts
        if own in TIER and stage and TIER.get(stage[0], TIER[own]) < TIER[own]
    ]


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


def test_no_file_is_longer_than_350_lines() -> None:
    lengths = {path: len(text(path).splitlines()) for path in [*MODULES, *TESTS]}
    assert {path: lines for path, lines in lengths.items() if lines > 350} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    """Its body, that is: what it takes and what it promises may need more words."""
    functions = [
        (name(path), node)
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, FUNCTIONS)
    ]
    assert [(file, f.name) for file, f in functions if body_lines(f) > 40] == []


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function has below its docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_the_lines_of_a_function_are_those_below_its_docstring() -> None:
    (function,) = ast.parse('def f(\n    a,\n):\n    """One.\n\n    Two."""\n    a\n\n    b\n').body
    assert isinstance(function, ast.FunctionDef)
    assert body_lines(function) == 3


def test_no_test_imports_another() -> None:
    """What tests share stands in a file that is no test, `build.py` for most."""
    modules = [
        (path, node.module or "")
        for path in TESTS
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
    ]
    assert [pair for pair in modules if pair[1].rpartition(".")[2].startswith("test_")] == []


def test_no_test_asks_for_a_private_name() -> None:
    """An ablation is a parameter; what tests replace or call has a public name."""
    asked = {path: private_names(nodes(path)) for path in TESTS}
    assert {path: names for path, names in asked.items() if names} == {}


def private_names(nodes: Sequence[ast.AST]) -> list[str]:
    """Return the private names of this project that a test imports, calls or replaces."""
    found, modules = [], set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and is_own(node.module or ""):
            modules |= {alias.asname or alias.name for alias in node.names}
            found += [alias.name for alias in node.names if is_private(alias.name)]
    for node in nodes:
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setattr":
            words = [a.value for a in node.args if isinstance(a, ast.Constant)]
            names = [word.rpartition(".")[2] for word in words if isinstance(word, str)]
            found += [name for name in names if is_private(name)]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += [node.attr] if node.value.id in modules and is_private(node.attr) else []
    return found


def is_own(module: str) -> bool:
    return module.partition(".")[0] in ("edge_imgq", "benchmarks")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_private_names_are_seen_however_they_are_asked_for() -> None:
    for source, names in {
        "from edge_imgq.a import _b": ["_b"],
        "from edge_imgq import a\na._b()": ["_b"],
        'patch.setattr(a, "_b", None)': ["_b"],
        'patch.setattr("edge_imgq.a._b", None)': ["_b"],
        "from torch import _dynamo\npatch.setattr(a, 'b', None)": [],
    }.items():
        assert private_names(list(ast.walk(ast.parse(source)))) == names
