"""Convolutions composed and added as one, against torch at every pixel, borders included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, pad

from edge_imgq.graph.linear_map import (
    ConvGeometry,
    LinearMap,
    add_maps,
    can_add,
    can_follow,
    compose,
    identity,
    scaled,
)

IMAGE = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 4, 11, 13)))


def drawn(geometry: ConvGeometry) -> LinearMap:
    rng = np.random.default_rng(geometry.outputs + geometry.taps[0])
    shape = (geometry.outputs, geometry.inputs // geometry.group, *geometry.taps)
    return LinearMap(geometry, rng.normal(size=shape), rng.normal(size=geometry.outputs))


def of(window: LinearMap, image: Any) -> Any:
    g = window.geometry
    padded = pad(image, (g.before[1], g.after[1], g.before[0], g.after[0]))
    kernel, bias = torch.from_numpy(window.kernel), torch.from_numpy(window.bias)
    return conv2d(padded, kernel, bias, g.stride, groups=g.group)


SAME = ConvGeometry(6, 4, (3, 3), before=(1, 1), after=(1, 1))
POINT = ConvGeometry(6, 4)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (SAME, ConvGeometry(2, 6, (2, 3))),
        (SAME, ConvGeometry(6, 6, (3, 1), group=2)),
        (ConvGeometry(6, 4, (3, 3), group=2, stride=(2, 1)), ConvGeometry(6, 6, (2, 3), group=6)),
        (ConvGeometry(8, 4, group=4), ConvGeometry(8, 8, (2, 2), group=2, stride=(1, 2))),
    ],
)
def test_one_convolution_does_what_two_in_a_row_do(
    first: ConvGeometry, second: ConvGeometry
) -> None:
    one, two = drawn(first), drawn(second)
    assert can_follow(one, second)
    both = of(two, of(one, IMAGE))
    np.testing.assert_allclose(of(compose(one, two), IMAGE), both, atol=1e-12)


def test_zeros_around_a_biased_image_are_no_window_of_the_first_image() -> None:
    padded = ConvGeometry(2, 6, (3, 3), before=(1, 1), after=(1, 1))
    assert not can_follow(drawn(POINT), padded)
    unbiased = LinearMap(POINT, drawn(POINT).kernel, np.zeros(6))
    assert can_follow(unbiased, padded)
    both = of(drawn(padded), of(unbiased, IMAGE))
    np.testing.assert_allclose(of(compose(unbiased, drawn(padded)), IMAGE), both, atol=1e-12)


def test_windows_of_several_sizes_and_the_image_itself_are_added_as_one() -> None:
    maps = [
        drawn(ConvGeometry(4, 4, (3, 3), before=(1, 1), after=(1, 1))),
        drawn(ConvGeometry(4, 4, (1, 5), group=2, before=(0, 2), after=(0, 2))),
        scaled(identity(4), -0.5),
    ]
    assert all(can_add(maps[0].geometry, other.geometry) for other in maps)
    apart = sum(of(window, IMAGE) for window in maps)
    np.testing.assert_allclose(of(add_maps(maps), IMAGE), apart, atol=1e-12)
    assert not can_add(maps[0].geometry, ConvGeometry(4, 4, (3, 3)))
