"""Messages to and from a worker come out as they went in, in whatever pieces they arrive."""

from __future__ import annotations

import io
import itertools
import struct
from typing import Any

import numpy as np
import pytest

from edge_imgq.runtime.worker_messages import read_frame, write_frame


class Trickle(io.BytesIO):
    """A pipe that gives a byte at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1, size or 0))


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "int64"])
def test_arrays_arrive_in_shape_and_dtype_from_any_layout(dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype).transpose(2, 0, 1)
    stream = io.BytesIO()
    write_frame(stream, {"run": "ü"}, array)
    write_frame(stream, {"ready": True})
    pipe: Any = Trickle(stream.getvalue())
    message, received = read_frame(pipe)
    assert message == {"run": "ü", "shape": [4, 2, 3], "dtype": dtype}
    assert received.dtype == dtype
    np.testing.assert_array_equal(received, array)
    assert read_frame(pipe) == ({"ready": True}, None)


def test_a_frame_is_a_length_json_and_the_bytes_of_the_array() -> None:
    stream = io.BytesIO()
    write_frame(stream, {}, np.array([1, 2], ">u2"))
    (length,) = struct.unpack(">Q", stream.getvalue()[:8])
    text, data = stream.getvalue()[8 : 8 + length], stream.getvalue()[8 + length :]
    assert text == b'{"shape": [2], "dtype": ">u2"}'
    assert data == b"\x00\x01\x00\x02"


def test_a_pipe_that_ends_within_a_frame_is_an_end() -> None:
    stream = io.BytesIO()
    write_frame(stream, {"a": 1}, np.zeros(2, np.uint8))
    whole = stream.getvalue()
    for end in itertools.chain(range(0, len(whole), 5), [len(whole) - 1]):
        with pytest.raises(EOFError):
            read_frame(io.BytesIO(whole[:end]))
