"""Comparisons, boolean logic and `select` of MIL, computed in torch.

Operands broadcast as in NumPy. Comparisons and logic return booleans and are exact.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments


def less(arguments: Arguments) -> Tensor:
    """Return x < y as booleans, with broadcasting: MIL `less`. Exact; False for NaN.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") < arguments.tensor("y")


def less_or_equal(arguments: Arguments) -> Tensor:
    """Return x ≤ y as booleans, with broadcasting: MIL `less_equal`. Exact; False for NaN.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") <= arguments.tensor("y")


def greater(arguments: Arguments) -> Tensor:
    """Return x > y as booleans, with broadcasting: MIL `greater`. Exact; False for NaN.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") > arguments.tensor("y")


def greater_or_equal(arguments: Arguments) -> Tensor:
    """Return x ≥ y as booleans, with broadcasting: MIL `greater_equal`. Exact; False for NaN.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") >= arguments.tensor("y")


def equal(arguments: Arguments) -> Tensor:
    """Return x = y as booleans, with broadcasting: MIL `equal`. Exact; NaN equals nothing.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") == arguments.tensor("y")


def not_equal(arguments: Arguments) -> Tensor:
    """Return x ≠ y as booleans, with broadcasting: MIL `not_equal`. Exact; NaN differs from all.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") != arguments.tensor("y")


def logical_and(arguments: Arguments) -> Tensor:
    """Return x AND y of two boolean tensors, with broadcasting: MIL `logical_and`. Exact.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.raw("x") & arguments.raw("y")


def logical_or(arguments: Arguments) -> Tensor:
    """Return x OR y of two boolean tensors, with broadcasting: MIL `logical_or`. Exact.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.raw("x") | arguments.raw("y")


def logical_xor(arguments: Arguments) -> Tensor:
    """Return x XOR y of two boolean tensors, with broadcasting: MIL `logical_xor`. Exact.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.raw("x") ^ arguments.raw("y")


def logical_not(arguments: Arguments) -> Tensor:
    """Return NOT x of a boolean tensor, elementwise: MIL `logical_not`. Exact."""
    return ~arguments.raw("x")


def select(arguments: Arguments) -> Tensor:
    """Return `a` where the boolean `cond` is true, else `b`, with broadcasting: MIL `select`.

    Exact; float16 is returned as float32. NaN or infinity in the operand that is not selected has
    no effect.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return torch.where(arguments.raw("cond"), arguments.tensor("a"), arguments.tensor("b"))
