"""ONNX's own node cases, loaded once in a process: that takes seconds."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any


@cache
def node_cases() -> tuple[Any, ...]:
    """Return the cases of all operators; tests do not change them."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(load_model_tests(kind="node"))
