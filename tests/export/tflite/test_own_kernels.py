"""TFLite's own kernels, which run int8 files where XNNPACK does not: no operator is far off."""

from __future__ import annotations

import numpy as np
import pytest

from .cases import EVERY, QUANTIZABLE
from .witness import Case, lowered, quantized, run_litert, run_own_kernels, to_file

RANDOM = np.random.default_rng(17)


def differences(case: Case) -> np.ndarray:
    """Return by how many levels TFLite's own kernels are above XNNPACK's."""
    values = RANDOM.uniform(-2, 2, case.shape).astype(np.float32)
    data = lowered(quantized(case.model(), values))
    pixels = RANDOM.integers(0, 256, to_file(values).shape, dtype=np.uint8)
    return run_own_kernels(data, pixels).astype(int) - run_litert(data, pixels)


@pytest.mark.parametrize("name", QUANTIZABLE)
def test_every_operator_is_a_level_off_at_most(name: str) -> None:
    assert np.abs(differences(EVERY[name])).max() <= 1


@pytest.mark.parametrize("kernel", ["2,2", "4,4", "2,1", "3,3"])
def test_a_mean_of_few_pixels_gets_neither_brighter_nor_darker(kernel: str) -> None:
    shape = (1, 6, 48, 48)
    case = Case(f"y = AveragePool<kernel_shape=[{kernel}], strides=[{kernel}]>(x)", shape)
    assert abs(differences(case).mean()) < 0.1
