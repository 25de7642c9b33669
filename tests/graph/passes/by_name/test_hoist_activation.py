"""Activations move in front of pixel shuffles and enlargements by repetition."""

from __future__ import annotations

import numpy as np
import pytest

from tests.graph.passes.by_name.shuffled_networks import ACTIVE, CONSTANTS, check

CONSTANTS |= {
    "lo": np.float32(0),
    "hi": np.float32(1),
    "two": np.array([1, 1, 2, 2], np.float32),
}


@pytest.mark.parametrize("name", ACTIVE)
def test_activations_move_in_front(name) -> None:
    check(*ACTIVE[name])
