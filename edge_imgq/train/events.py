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
    """Yield a function (name, value, step) that adds a point to a TensorBoard curve.

    Points go to an event file in `folder`, which is closed at the end of the `with` statement; with
    None the function does nothing. A resumed run adds an event file; TensorBoard merges them.

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
