"""What is stored as NHWC is NumPy's transposition of it, constants aligned as ONNX aligns them."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.export.tflite.layout import (
    by_stored_axis,
    order_survives,
    stored_axis,
    stored_operand,
    stored_shape,
    stored_values,
)

IMAGE = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


def test_shapes_axes_and_contents_agree() -> None:
    stored = stored_values(IMAGE)
    assert stored.flags["C_CONTIGUOUS"]
    assert stored_shape(IMAGE.shape) == by_stored_axis(IMAGE.shape) == stored.shape
    assert stored[1, 2, 3, 0] == IMAGE[1, 0, 2, 3]
    for axis in range(-4, 4):
        assert stored.shape[stored_axis(axis, 4)] == IMAGE.shape[axis]
        np.testing.assert_array_equal(
            stored.sum(stored_axis(axis, 4), keepdims=True),
            stored_values(IMAGE.sum(axis, keepdims=True)),
        )


@pytest.mark.parametrize("rank", [1, 2, 3, 5])
def test_other_ranks_stay(rank: int) -> None:
    shape = tuple(range(2, 2 + rank))
    assert stored_shape(shape) == shape
    assert [stored_axis(axis, rank) for axis in range(-rank, 0)] == list(range(rank))
    assert stored_values(np.zeros(shape)).shape == shape


@pytest.mark.parametrize("shape", [(3, 1, 1), (5,), (4, 1), (1, 3, 4, 5), (1,), ()])
def test_a_constant_is_broadcast_in_the_file_as_in_the_graph(shape: tuple[int, ...]) -> None:
    constant = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    np.testing.assert_array_equal(
        stored_values(IMAGE) + stored_operand(constant, 4), stored_values(IMAGE + constant)
    )


@pytest.mark.parametrize("shape", [(1, 1, 4, 5), (2, 6, 1, 1), (1, 2, 3, 4), (1, 2, 3, 1), (7, 8)])
def test_order_survives_where_the_bytes_are_the_same(shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape)).reshape(shape)
    same = stored_values(values).tobytes() == values.tobytes()
    assert order_survives(shape) == same
