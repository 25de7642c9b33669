"""Core AI has a form of every operator, and each case is looked at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_imgq.export.coreml import program
from tests.export.coreml.forms_of_operators import CASES

pytest.importorskip("coreai", reason="the extra [coreai] is not installed")

from edge_imgq.export.coreai.lowerings import LOWERINGS

from .operators import cases_of

FILES = ("activation", "arithmetic", "compare_select", "convolution", "data_movement", "matmul")
MORE = ("padding", "pooling", "resize", "shape")
"""Files of `export/coreml` whose cases tests here go through."""


def test_every_case_is_gone_through() -> None:
    assert cases_of(*FILES, *MORE) == list(CASES)


def test_whatever_core_ml_is_built_of_has_a_form() -> None:
    sources = "\n".join(path.read_text() for path in Path(program.__file__).parent.glob("*.py"))
    built_of = set(re.findall(r"\bmb\.([a-z_0-9]+)", sources)) - {"const"}
    assert len(built_of) > 50
    assert built_of - {"linear"} <= LOWERINGS.keys()
