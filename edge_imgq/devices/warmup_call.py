"""An untimed call of a session, as proof that a device runs a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edge_imgq.runtime.protocol import Session

GRAY = 128


def on_gray(session: Session, size: tuple[int, int]) -> Callable[[], None]:
    """Return a function that runs a file once on a mid-gray image, copies to the device included.

    All inputs are uint8 levels of 128 (GRAY). The function raises what `session.run` raises, for
    example for a size that the file does not take.

    Args:
        session: session of the file.
        size: height and width of the input in pixels.
    """
    gray = np.full((*size, session.note.contract.channels), GRAY, np.uint8)

    def call() -> None:
        session.run(gray)

    return call
