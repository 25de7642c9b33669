"""A window of TFLite's SAME or VALID padding reads what ONNX's pads say, element by element."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.export.tflite.same_padding import SAME, VALID, PaddedWindow, Side, window
from edge_imgq.graph.network import Operation, Tensor


def sides() -> list[Side]:
    """Return an axis for each size, kernel, stride, dilation and padding of a small range."""
    found = []
    for size, kernel, stride, dilation in itertools.product((5, 6), (1, 2, 3), (1, 2), (1, 2)):
        span = (kernel - 1) * dilation + 1
        for before, after in itertools.product(range(kernel), repeat=2):
            output = (size + before + after - span) // stride + 1
            if output > 0:
                found.append(Side(size, output, kernel, stride, dilation, before))
    return found


def same(side: Side) -> tuple[int, list[int]]:
    """Return TensorFlow's outputs and first taps for SAME, by the formula of its documentation."""
    span = (side.kernel - 1) * side.dilation + 1
    output = -(-side.size // side.stride)
    total = max((output - 1) * side.stride + span - side.size, 0)
    return output, [n * side.stride - total // 2 for n in range(output)]


def test_an_axis_is_same_or_valid_where_tensorflow_reads_the_same_elements() -> None:
    counts = {True: 0, False: 0}
    for side in sides():
        own = [n * side.stride - side.before for n in range(side.output)]
        taps = np.add.outer(own, np.arange(side.kernel) * side.dilation)
        assert side.is_same == ((side.output, own) == same(side))
        assert side.is_valid == bool((taps >= 0).all() and (taps < side.size).all())
        assert side.after == max(int(taps.max()) - side.size + 1, 0)
        counts[side.is_same] += 1
    assert min(counts.values()) > 20


@pytest.mark.parametrize(
    ("pads", "output", "code"),
    [
        ((0, 0, 0, 0), (6, 8), VALID),
        ((1, 1, 1, 1), (8, 10), SAME),
        ((2, 2, 0, 0), (8, 10), None),
        ((1, 0, 1, 0), (8, 8), None),
    ],
)
def test_padding_that_has_no_code_needs_a_pad(
    pads: tuple[int, ...], output: tuple[int, int], code: int | None
) -> None:
    image, result = Tensor("x", (1, 3, 8, 10)), Tensor("y", (1, 3, *output))
    operation = Operation("MaxPool", "pool", (image,), (result,), {"pads": pads})
    spot = window(operation, (3, 3))
    assert spot.padding == code
    assert spot == PaddedWindow(
        Side(8, output[0], 3, 1, 1, pads[0]), Side(10, output[1], 3, 1, 1, pads[1])
    )
    assert spot.pads == ((pads[0], pads[2]), (pads[1], pads[3]))


def test_a_window_of_one_axis_is_refused() -> None:
    row, result = Tensor("x", (1, 3, 8)), Tensor("y", (1, 3, 6))
    with pytest.raises(RefusedError, match="two-dimensional"):
        window(Operation("MaxPool", "pool", (row,), (result,), {}), (3,))
