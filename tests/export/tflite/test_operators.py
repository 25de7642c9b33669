"""Every case of an operator is run by the test of the file that writes it."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from edge_imgq.export.tflite import operators as package
from tests.export.tflite.cases import EVERY
from tests.export.tflite.operators.build import cases_of

OPERATORS = Path(package.__file__ or "").parent


def test_every_case_is_run_by_one_test() -> None:
    stems = [module.name for module in pkgutil.iter_modules([str(OPERATORS)])]
    run = [name for stem in stems for name in cases_of(stem)]
    assert sorted(run) == sorted(EVERY)
    for stem in stems:
        test = importlib.import_module(f"tests.export.tflite.operators.test_{stem}")
        assert not cases_of(stem) or cases_of(stem) == test.CASES
