"""Messages between this process and a worker: JSON with an optional array.

A frame is the length of the JSON text (8 bytes, big-endian), the text, and the bytes of the array
described by its keys "shape" and "dtype". Workers run this module in other environments and under
emulation, so it imports NumPy only.
"""

from __future__ import annotations

import json
import math
from typing import IO, Any

import numpy as np


def write_frame(stream: IO[bytes], message: dict[str, Any], array: Any = None) -> None:
    """Write one frame and flush.

    A frame is the length of the JSON text as eight big-endian bytes, the text, and the bytes of the
    array, if any, in C order.

    Args:
        stream: binary stream.
        message: JSON values; "shape" and "dtype" are overwritten if there is an array.
        array: NumPy array, or None.
    """
    fields = dict(message)
    if array is not None:
        fields |= {"shape": list(array.shape), "dtype": str(array.dtype)}
    text = json.dumps(fields).encode()
    stream.write(len(text).to_bytes(8, "big") + text)
    if array is not None:
        stream.write(np.ascontiguousarray(array).tobytes())
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], Any]:
    """Read one frame, as `write_frame` writes it.

    Returns:
        The message, and its array in the sent shape and dtype, read-only, or None.

    Raises:
        EOFError: the stream ended, possibly within a frame.
    """
    length = int.from_bytes(_exactly(stream, 8), "big")
    message: dict[str, Any] = json.loads(_exactly(stream, length))
    if "shape" not in message:
        return message, None
    dtype = np.dtype(message["dtype"])
    data = _exactly(stream, math.prod(message["shape"]) * dtype.itemsize)
    return message, np.frombuffer(data, dtype).reshape(message["shape"])


def _exactly(stream: IO[bytes], count: int) -> bytes:
    pieces, missing = [], count
    while missing:
        piece = stream.read(missing)
        if not piece:
            raise EOFError
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)
