"""Training curves as TensorBoard event files."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_imgq.errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def event_writer(folder: Path | None) -> Iterator[Callable[[str, float, int], None]]:
    """Yield a function that adds a value to a named curve at a step; a no-op without a folder.

    A resumed run adds an event file; TensorBoard merges them.

    Raises:
        RuntimeUnavailableError: the package `tensorboard` is not installed.
    """
    if folder is None:
        yield _nothing
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise RuntimeUnavailableError(
            "--tensorboard needs the package tensorboard: pip install tensorboard."
        ) from error
    with SummaryWriter(str(folder)) as writer:
        yield writer.add_scalar


def _nothing(name: str, value: float, step: int) -> None:
    """Discard a value, because no curves are requested."""
