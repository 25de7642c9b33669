"""What is drawn holds each operator, however few networks a run draws."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.export.tflite.witness import Case

from . import networks, operators
from .build import OPTIONS, SEED

NETWORKS = 250
"""As many as the suite draws; `make fuzz` draws more."""


def written(module: ModuleType) -> set[str]:
    """Return the operators that a module writes into networks."""
    return set(re.findall(r'[ "]([A-Z][A-Za-z]+)(?:<[^>]*>)?\(', inspect.getsource(module)))


@pytest.mark.parametrize(
    ("strategy", "module"),
    [(networks.networks(), networks), (operators.operators(), operators)],
    ids=["networks", "operators"],
)
def test_each_operator_is_in_some_network(strategy: st.SearchStrategy, module: ModuleType) -> None:
    seen: set[str] = set()

    @seed(SEED)
    @settings(OPTIONS, max_examples=NETWORKS)
    @given(strategy)
    def draw(case: Case) -> None:
        seen.update(re.findall(r"= ([A-Z]\w+)", case.body))

    draw()
    kinds = written(module) - {"Case", "Drawing", "Random"}
    assert len(kinds) > 15
    assert kinds - seen == set()
