"""Every step of loading, pass, operator, kernel profile and step of int8 has a test at its path."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests import mutation
from tests.modules import MODULES, name
from tests.mutation import (
    CHECKOUT,
    MUTATED_FOLDERS,
    NO_TEST_OF_ITS_OWN,
    PACKAGE,
    mutant,
    path_of_test,
    places,
)

STAGES = ("graph/load/", "graph/passes/", "quantize/", "kernels/")
"""Stages all of whose folders are mutated. `quantize` itself puts its steps in order."""


def test_every_file_has_a_test_at_its_path() -> None:
    files = mutation.tested_files([])
    assert len(files) > 200
    missing = [file for file in files if not path_of_test(file).is_file()]
    assert missing == []


def test_files_without_one_are_there_and_have_none() -> None:
    for file in NO_TEST_OF_ITS_OWN:
        assert (PACKAGE / file).is_file()
        assert not path_of_test(file).is_file(), f"{file} has a test of its own by now"


def test_folders_of_passes_operators_and_steps_are_all_looked_at() -> None:
    folders = {name(path.parent) for path in MODULES if path.name != "__init__.py"}
    wanted = {folder for folder in folders if f"{folder}/".startswith(STAGES)}
    wanted |= {name(path.parent) for path in MODULES if path.stem == "lowerings"}
    wanted |= {name(path) for path in PACKAGE.glob("export/*/operators")}
    assert wanted - set(MUTATED_FOLDERS) == {"quantize", "export/tflite"}


def test_a_mutant_is_the_file_with_one_change(monkeypatch: pytest.MonkeyPatch) -> None:
    code, told = mutant("kernels/tile.py", 0)
    assert told.startswith("line 10: ")
    module = ModuleType("mutant")
    monkeypatch.setitem(sys.modules, "mutant", module)
    exec(code, vars(module))
    assert module.round_up(9, 8) != 16


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("A = 1 + 2\ndef f(a):\n    'One.'\n    return a + 1 < 2", 4),
        ("A = 1\ndef f(a):\n    return a", 1),
        ("A = 1 + 2", 2),
        ("def f():\n    'One.'", 0),
    ],
)
def test_what_stands_in_functions_is_changed_before_returns_and_tables(
    source: str, count: int
) -> None:
    assert len(places(ast.parse(source))) == count


def test_the_path_of_a_test_is_that_of_its_file() -> None:
    expected = Path("tests/graph/passes/fold/test_fold_affine.py")
    assert path_of_test("graph/passes/fold/fold_affine.py") == CHECKOUT / expected
