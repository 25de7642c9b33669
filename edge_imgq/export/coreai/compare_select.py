"""Comparisons, truth values and the choice by them.

Numbers are compared in float32: Core AI does not load programs that compare float16 values
(docs/coreai.md names the source). The widening is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai


def equal(arguments: Arguments) -> Any:
    """`equal`."""
    return ai.broadcasting_equal(*_wide(arguments))


def not_equal(arguments: Arguments) -> Any:
    """`not_equal`."""
    return ai.broadcasting_not_equal(*_wide(arguments))


def greater(arguments: Arguments) -> Any:
    """`greater`."""
    return ai.broadcasting_greater(*_wide(arguments))


def less(arguments: Arguments) -> Any:
    """`less`: y > x."""
    return ai.broadcasting_greater(*reversed(_wide(arguments)))


def greater_or_equal(arguments: Arguments) -> Any:
    """`greater_equal`: x > y or x = y, which are both false where one is no number."""
    return ai.broadcasting_or(greater(arguments), equal(arguments))


def less_or_equal(arguments: Arguments) -> Any:
    """`less_equal`, likewise."""
    return ai.broadcasting_or(less(arguments), equal(arguments))


def select(arguments: Arguments) -> Any:
    """`select`: a where the condition holds, else b."""
    return ai.broadcasting_where(*(arguments.value(key) for key in ("cond", "a", "b")))


def cast(arguments: Arguments) -> Any:
    """`cast` to the type that the result has."""
    return ai.cast(arguments.value("x"), RESULTS[arguments.text("dtype")])


RESULTS = {"fp16": np.float16, "fp32": np.float32, "bool": np.bool_, "int32": np.int32}
"""Element types by MIL's names."""


def _wide(arguments: Arguments) -> tuple[Any, Any]:
    x, y = (ai.cast(arguments.value(key), np.float32) for key in "xy")
    return x, y
