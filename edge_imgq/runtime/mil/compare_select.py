"""Comparisons, truth values and `select` of the evaluator."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments


def less(arguments: Arguments) -> Tensor:
    """`less`, with broadcasting."""
    return arguments.tensor("x") < arguments.tensor("y")


def less_or_equal(arguments: Arguments) -> Tensor:
    """`less_equal`, with broadcasting."""
    return arguments.tensor("x") <= arguments.tensor("y")


def greater(arguments: Arguments) -> Tensor:
    """`greater`, with broadcasting."""
    return arguments.tensor("x") > arguments.tensor("y")


def greater_or_equal(arguments: Arguments) -> Tensor:
    """`greater_equal`, with broadcasting."""
    return arguments.tensor("x") >= arguments.tensor("y")


def equal(arguments: Arguments) -> Tensor:
    """`equal`, with broadcasting."""
    return arguments.tensor("x") == arguments.tensor("y")


def not_equal(arguments: Arguments) -> Tensor:
    """`not_equal`, with broadcasting."""
    return arguments.tensor("x") != arguments.tensor("y")


def both(arguments: Arguments) -> Tensor:
    """`logical_and`, with broadcasting."""
    return arguments.raw("x") & arguments.raw("y")


def either(arguments: Arguments) -> Tensor:
    """`logical_or`, with broadcasting."""
    return arguments.raw("x") | arguments.raw("y")


def one_of_both(arguments: Arguments) -> Tensor:
    """`logical_xor`, with broadcasting."""
    return arguments.raw("x") ^ arguments.raw("y")


def negation(arguments: Arguments) -> Tensor:
    """`logical_not`."""
    return ~arguments.raw("x")


def select(arguments: Arguments) -> Tensor:
    """`select`: a where the condition holds, else b; what is not chosen may be no number."""
    return torch.where(arguments.raw("cond"), arguments.tensor("a"), arguments.tensor("b"))
