"""Elementwise operators, reductions and norms, against torch and NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.runtime.mil.build import Apply, assert_float16, assert_float32, computed


def batch_norm(channels: int) -> nn.Module:
    module = nn.BatchNorm2d(channels)
    assert module.running_mean is not None
    assert module.running_var is not None
    module.running_mean.uniform_(-1, 1)
    module.running_var.uniform_(0.5, 2)
    return module


MODULES: dict[str, Callable[[], nn.Module]] = {
    "add a row": lambda: Apply(lambda x: x + torch.linspace(0, 1, 8).reshape(1, 8, 1, 1)),
    "subtract the mean": lambda: Apply(lambda x: x - x.mean((2, 3), keepdim=True)),
    "multiply by a broadcast row": lambda: Apply(lambda x: x * x[:, :, :1]),
    "divide": lambda: Apply(lambda x: x / (x.abs() + 1.0)),
    "minimum and maximum": lambda: Apply(
        lambda x: torch.maximum(torch.minimum(x[:, :4], x[:, 4:]), x[:, :1])
    ),
    "power": lambda: Apply(lambda x: x.abs() ** 1.5),
    "square root": lambda: Apply(lambda x: x.abs().sqrt()),
    "exponential": lambda: Apply(lambda x: x.exp()),
    "logarithm": lambda: Apply(lambda x: (x.abs() + 0.1).log()),
    "inverse root": lambda: Apply(lambda x: (x.square() + 0.1).rsqrt()),
    "next whole number, and sign": lambda: Apply(lambda x: x.ceil() + x.sign()),
    "mean": lambda: Apply(lambda x: x.mean((2, 3))),
    "largest": lambda: Apply(lambda x: x.amax((2, 3), keepdim=True)),
    "sum": lambda: Apply(lambda x: x.sum(1, keepdim=True) * 0.1),
    "batch norm": lambda: batch_norm(8),
    "instance norm": lambda: nn.InstanceNorm2d(8, affine=True),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_float32_program_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    assert_float32(MODULES[name], tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_a_float16_program_stays_within_its_rounding_of_torch(name: str, tmp_path: Path) -> None:
    assert_float16(MODULES[name], tmp_path)


X = np.array([[-2.5, -1.5, -0.5, 0.0], [0.5, 1.5, 2.5, 3.25]], np.float32)
"""Halves among them, of both signs."""

ELEMENTWISE = {
    "abs": np.abs(X),
    "ceil": np.array([[-2, -1, 0, 0], [1, 2, 3, 4]]),
    "cos": np.cos(X),
    "erf": np.vectorize(math.erf)(X),
    "floor": np.array([[-3, -2, -1, 0], [0, 1, 2, 3]]),
    "round": np.array([[-2, -2, 0, 0], [0, 2, 2, 3]]),
    "sign": np.array([[-1, -1, -1, 0], [1, 1, 1, 1]]),
    "sin": np.sin(X),
    "square": X * X,
}


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_an_elementwise_operator_computes_what_its_name_says(kind: str) -> None:
    np.testing.assert_allclose(computed(kind, x=X), ELEMENTWISE[kind], rtol=1e-5, atol=1e-6)


def test_epsilons_that_are_left_out_are_those_of_the_mil_reference() -> None:
    x = np.array([0.0, 1e-4, 2.0], np.float32)
    np.testing.assert_allclose(computed("inverse", x=x), 1 / (x + 1e-4), rtol=1e-5)
    np.testing.assert_allclose(computed("rsqrt", x=x[1:]), 1 / np.sqrt(x[1:]), rtol=1e-5)
    np.testing.assert_allclose(computed("rsqrt", x=x, epsilon=0.5), 1 / np.sqrt(x + 0.5), rtol=1e-5)
    np.testing.assert_allclose(computed("log", x=x, epsilon=0.5), np.log(x + 0.5), rtol=1e-5)


@pytest.mark.parametrize("kind", ["mean", "sum", "max", "min"])
def test_a_reduction_goes_over_its_axes_or_over_all(kind: str) -> None:
    numpy = getattr(np, kind)
    of_rows = computed(f"reduce_{kind}", x=X, axes=[1], keep_dims=True)
    np.testing.assert_allclose(of_rows, numpy(X, 1, keepdims=True))
    assert computed(f"reduce_{kind}", x=X, axes=[0]).shape == (4,)
    np.testing.assert_allclose(computed(f"reduce_{kind}", x=X), numpy(X))
