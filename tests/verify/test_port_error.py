"""Errors of numbers are those of NumPy in the port's own unit, over all images together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from edge_imgq.verify.port_error import port_error, port_sums

LOW, HIGH = np.array([-1.0, 0.0]), np.array([3.0, 10.0])
PORT = cast("Any", SimpleNamespace(name="depth", low=tuple(LOW), high=tuple(HIGH)))


def as_levels(numbers: Any) -> Any:
    return (numbers - LOW) / (HIGH - LOW) * 255


def test_errors_are_in_the_unit_of_the_port_and_relative_to_all_images() -> None:
    rng = np.random.default_rng(2)
    known, read = rng.uniform(LOW, HIGH, (2, 3, 4, 2)), rng.uniform(LOW, HIGH, (2, 3, 4, 2))
    images = [port_sums(PORT, as_levels(a), as_levels(b)) for a, b in zip(known, read, strict=True)]
    error = port_error("depth", images)
    wanted = np.linalg.norm(read - known) / np.linalg.norm(known)
    np.testing.assert_allclose(error.relative, wanted)
    np.testing.assert_allclose(error.largest, np.abs(read - known).max())
    np.testing.assert_allclose(error.of_range, (np.abs(read - known) / (HIGH - LOW)).max())


def test_zeros_that_stay_are_no_error_and_zeros_that_do_not_are_whole() -> None:
    zeros = as_levels(np.zeros((2, 2, 2)))
    assert port_error("depth", [port_sums(PORT, zeros, zeros)]).relative == 0
    assert port_error("depth", [port_sums(PORT, zeros, zeros + 1)]).relative == 1


def test_numbers_of_other_shapes_are_not_compared() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        port_sums(PORT, np.zeros((2, 2, 2)), np.zeros((1, 2, 2)))
