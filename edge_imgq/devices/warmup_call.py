"""A call of a session that is not timed: what a device needs to have run a file at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edge_imgq.runtime.protocol import Session

GRAY = 128


def on_gray(session: Session, size: tuple[int, int]) -> Callable[[], None]:
    """Return a call that runs a file once on a gray image, copying to its device included.

    Args:
        session: of the file.
        size: height and width of the image.
    """
    gray = np.full((*size, session.note.contract.channels), GRAY, np.uint8)

    def call() -> None:
        session.run(gray)

    return call
