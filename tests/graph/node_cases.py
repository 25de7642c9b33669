"""ONNX's own node cases, loaded once in a process: that takes seconds."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import pytest


@cache
def node_cases() -> tuple[Any, ...]:
    """Return the cases of all operators; tests do not change them."""
    from onnx.backend.test.case import base
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        # Each case's source text, which onnx's own pages show: a sixth of the time.
        patch.setattr(base, "process_snippet", lambda operator, name, export: (name, ""))
        return tuple(load_model_tests(kind="node"))
