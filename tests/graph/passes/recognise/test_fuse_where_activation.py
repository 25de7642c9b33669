"""A choice by sign is an activation."""

from __future__ import annotations

import numpy as np
import pytest

from tests.graph.passes.build import assert_same

CHOICES = {
    "leaky": ("p = Greater(image, z) n = Mul(image, k) out = Where(p, image, n)", "LeakyRelu"),
    "turned": ("p = Less(image, z) n = Mul(k, image) out = Where(p, n, image)", "LeakyRelu"),
    "relu": ("p = GreaterOrEqual(image, z) out = Where(p, image, z)", "Relu"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_by_sign_becomes_an_activation(name: str) -> None:
    body, kind = CHOICES[name]
    assert assert_same(body, {"z": np.float32(0), "k": np.float32(0.2)}) == [kind]


def test_a_choice_by_another_number_is_left() -> None:
    body, _ = CHOICES["leaky"]
    assert "Where" in assert_same(body, {"z": np.float32(0.5), "k": np.float32(0.2)})
