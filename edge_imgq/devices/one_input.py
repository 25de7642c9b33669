"""Files of several inputs: devices that are handed one array cannot fill them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.formats import format_of

if TYPE_CHECKING:
    from edge_imgq.contract import FileNote


def refusal(path: Path) -> str:
    """Return why a file's inputs cannot be filled on a device; empty where it takes an image alone.

    Raises:
        ModelError: the file is not whole, or carries no note of ours.
    """
    form = format_of(path)
    if form is None:
        return ""
    read: Callable[[Path], FileNote] = form.functions.read_note
    ports = read(path).contract.further
    if not ports:
        return ""
    named = " and ".join(f"'{port.name}'" for port in ports)
    return f"it takes {named} beside the image, and the device is handed the image alone"
