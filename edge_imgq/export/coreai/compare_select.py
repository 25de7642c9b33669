"""Lowering of comparisons, `select` and `cast` to Core AI.

Numbers are compared in float32: Core AI does not load programs that compare float16 values
(docs/coreai.md cites the source). The widening is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai


def equal(arguments: Arguments) -> Any:
    """Lower `equal`, x = y as booleans with broadcasting, compared in float32. Exact."""
    return ai.broadcasting_equal(*_wide(arguments))


def not_equal(arguments: Arguments) -> Any:
    """Lower `not_equal`, x ≠ y as booleans with broadcasting, compared in float32. Exact."""
    return ai.broadcasting_not_equal(*_wide(arguments))


def greater(arguments: Arguments) -> Any:
    """Lower `greater`, x > y as booleans with broadcasting, compared in float32. Exact."""
    return ai.broadcasting_greater(*_wide(arguments))


def less(arguments: Arguments) -> Any:
    """Lower `less`, x < y as booleans with broadcasting, to y > x in float32. Exact."""
    return ai.broadcasting_greater(*reversed(_wide(arguments)))


def greater_or_equal(arguments: Arguments) -> Any:
    """Lower `greater_equal` to x > y or x = y, compared in float32, False for NaN. Exact.

    The result is boolean, with broadcasting.
    """
    return ai.broadcasting_or(greater(arguments), equal(arguments))


def less_or_equal(arguments: Arguments) -> Any:
    """Lower `less_equal` to x < y or x = y, compared in float32, False for NaN. Exact.

    The result is boolean, with broadcasting.
    """
    return ai.broadcasting_or(less(arguments), equal(arguments))


def select(arguments: Arguments) -> Any:
    """Lower `select`: `a` where the boolean `cond` holds, else `b`, with broadcasting. Exact."""
    return ai.broadcasting_where(*(arguments.value(key) for key in ("cond", "a", "b")))


def cast(arguments: Arguments) -> Any:
    """Lower `cast` of x to the type that `dtype` names: fp16, fp32, bool or int32.

    Values are rounded as Core AI's `cast` rounds them.

    Raises:
        KeyError: `dtype` names another type.
    """
    return ai.cast(arguments.value("x"), RESULTS[arguments.text("dtype")])


RESULTS = {"fp16": np.float16, "fp32": np.float32, "bool": np.bool_, "int32": np.int32}
"""NumPy dtypes by MIL name."""


def _wide(arguments: Arguments) -> tuple[Any, Any]:
    x, y = (ai.cast(arguments.value(key), np.float32) for key in "xy")
    return x, y
