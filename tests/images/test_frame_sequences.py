"""Frames of one photograph: each state of the next is what the one before returned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.images.frame_sequences import frame_of, run_frames, with_states_of
from edge_imgq.ports import Port

STATE = Port("h_in", "state", 2, downscale=2, fed_by="h_out")
RETURNED = Port("h_out", "state", 2, downscale=2)
CONTRACT = ImageContract("image-to-image", 1, "rgb", further=(STATE,), others=(RETURNED,))
INPUTS = np.random.default_rng(5).integers(0, 256, (6, 8, 5)).astype(np.float64)


def test_a_state_of_half_the_sides_is_repeated_to_the_size_of_the_image() -> None:
    results = np.random.default_rng(6).random((6, 8, 5))
    following = with_states_of(INPUTS, results, CONTRACT)
    np.testing.assert_array_equal(following[..., :3], INPUTS[..., :3])
    state = results[::2, ::2, 3:]
    np.testing.assert_array_equal(following[..., 3:], np.kron(state, np.ones((2, 2, 1))))


def test_a_network_without_a_further_output_remembers_its_picture() -> None:
    fed = ImageContract(
        "image-to-image", 1, "rgb", further=(Port("last", "state", 3, fed_by="out"),)
    )
    inputs, picture = np.zeros((4, 4, 6)), np.random.default_rng(7).random((4, 4, 3))
    np.testing.assert_array_equal(with_states_of(inputs, picture, fed)[..., 3:], picture)


def test_the_first_frame_is_the_photograph_and_the_others_are_moved_by_whole_pixels() -> None:
    np.testing.assert_array_equal(frame_of(INPUTS, CONTRACT, 0), INPUTS)
    for index in range(1, 5):
        frame = frame_of(INPUTS, CONTRACT, index)
        inner, image = frame[2:-2, 2:-2, :3], INPUTS[..., :3]
        moves = [image[2 + y : 4 + y, 2 + x : 6 + x] for y in range(-2, 3) for x in range(-2, 3)]
        assert any(np.array_equal(inner, move) for move in moves)
        np.testing.assert_array_equal(frame[..., 3:], INPUTS[..., 3:])


@pytest.mark.parametrize("count", [1, 4])
def test_states_are_counted_on_from_frame_to_frame(count: int) -> None:
    def run(levels: Any) -> Any:
        return np.concatenate([levels[..., :3], levels[..., 3:] + 1], axis=2)

    start = INPUTS.copy()
    start[..., 3:] = 0
    seen = [
        (frame[0, 0, 3], results[0, 0, 3])
        for frame, results in run_frames(run, start, CONTRACT, count)
    ]
    assert seen == [(index, index + 1) for index in range(count)]
