"""Activations of the evaluator against torch, by coremltools' torch front end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from tests.runtime.mil.build import Apply, assert_float16, assert_float32, computed


def prelu(channels: int) -> nn.Module:
    module = nn.PReLU(channels)
    nn.init.uniform_(module.weight, -0.5, 1.5)
    return module


MODULES: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(),
    "relu6": lambda: nn.ReLU6(),
    "leaky relu": lambda: nn.LeakyReLU(0.17),
    "prelu": lambda: prelu(8),
    "sigmoid": lambda: nn.Sigmoid(),
    "tanh": lambda: nn.Tanh(),
    "silu": lambda: nn.SiLU(),
    "gelu": lambda: nn.GELU(),
    "gelu by tanh": lambda: nn.GELU(approximate="tanh"),
    "elu": lambda: nn.ELU(),
    "softplus": lambda: nn.Softplus(),
    "hard sigmoid": lambda: nn.Hardsigmoid(),
    "softmax": lambda: nn.Softmax(1),
    "clamp": lambda: Apply(lambda x: x.clamp(-0.3, 0.7)),
    "clamp from below": lambda: Apply(lambda x: x.clamp(min=-0.3)),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_float32_program_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    assert_float32(MODULES[name], tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_a_float16_program_stays_within_its_rounding_of_torch(name: str, tmp_path: Path) -> None:
    assert_float16(MODULES[name], tmp_path)


X = np.random.default_rng(1).normal(0, 2, (1, 4, 3, 5)).astype(np.float32)


def test_gelu_by_a_sigmoid_is_x_by_the_logistic_function_of_1_702_x() -> None:
    wanted = X / (1 + np.exp(-1.702 * X))
    result = computed("gelu", x=X, mode="SIGMOID_APPROXIMATION")
    np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-6)


def test_parameters_that_are_left_out_are_those_of_the_mil_reference() -> None:
    shares = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
    np.testing.assert_allclose(computed("softmax", x=X), shares, rtol=1e-5)
    np.testing.assert_allclose(computed("sigmoid_hard", x=X), (0.2 * X + 0.5).clip(0, 1), rtol=1e-5)
    np.testing.assert_allclose(computed("elu", x=X), np.where(X > 0, X, np.expm1(X)), rtol=1e-4)


def test_softplus_has_no_threshold_beyond_which_it_is_a_line() -> None:
    result = computed("softplus", x=np.array([-3, 0, 15], np.float32))
    np.testing.assert_allclose(result, np.log1p(np.exp([-3, 0, 15])), rtol=1e-6)
