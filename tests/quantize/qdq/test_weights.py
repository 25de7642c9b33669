"""Int8 weights and int32 biases."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.quantize.qdq.weights import quantize_bias, quantize_weight

GENERATOR = np.random.default_rng(8)


@pytest.mark.parametrize("axis", [0, 1])
def test_each_output_channel_has_its_own_scale(axis: int) -> None:
    weight = GENERATOR.normal(size=(4, 5, 3, 3)).astype(np.float32)
    weight *= 10.0 ** np.arange(weight.shape[axis]).reshape(
        [-1 if i == axis else 1 for i in range(4)]
    )
    integers, parameters = quantize_weight(weight, None, axis, 0.01, 0.01)
    shape = [-1 if i == axis else 1 for i in range(4)]
    restored = integers * parameters.scale.reshape(shape)
    assert parameters.axis == axis
    assert integers.dtype == np.int8
    assert integers.min() >= -127
    assert (np.abs(restored - weight) <= parameters.scale.reshape(shape) * 0.5001).all()


@pytest.mark.parametrize("size", [0.0, 1e-8, 1e-30])
def test_dead_and_tiny_channels_get_a_scale_that_their_bias_fits(size: float) -> None:
    weight = np.full((2, 1, 1, 1), size, np.float32)
    bias = np.array([3.0, -2.0], np.float32)
    integers, parameters = quantize_weight(weight, bias, 0, 0.01, 0.02)
    stored, bias_parameters = quantize_bias(bias, 0.01, parameters.scale)
    assert np.isfinite(integers).all()
    assert np.abs(stored.astype(np.int64)).max() < 2**31
    np.testing.assert_allclose(stored * bias_parameters.scale.astype(np.float64), bias, rtol=1e-5)
    assert (0.01 * parameters.scale / 0.02 >= 2.0**-32).all()


@pytest.mark.parametrize("by_shift", [False, True])
def test_huge_weights_get_a_multiplier_that_kernels_take(by_shift: bool) -> None:
    weight = np.array([[[[3e5]]], [[[0.02]]]], np.float32)
    integers, parameters = quantize_weight(weight, None, 0, 2.0**-6, 2.0**-7, by_shift=by_shift)
    assert (2 * parameters.scale < 2.0**8).all()
    assert integers.reshape(-1)[0] == 127
    assert abs(integers.reshape(-1)[1] * parameters.scale[1] - 0.02) < 0.01 * 0.02
