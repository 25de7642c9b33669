"""Check for files of several inputs or outputs, which devices do not support."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.formats import format_of

if TYPE_CHECKING:
    from edge_imgq.contract import FileNote


def refusal(path: Path) -> str:
    """Return why a file does not run on a device that takes one image and returns one tensor.

    A clause that names the inputs beside the image, or the further outputs; "" if there are none,
    and for a file of unknown format.

    Raises:
        ModelError: the file is damaged, or has no edge-imgq metadata.
    """
    row = format_of(path)
    if row is None:
        return ""
    read: Callable[[Path], FileNote] = row.functions.read_note
    contract = read(path).contract
    if contract.further:
        named = " and ".join(f"'{port.name}'" for port in contract.further)
        return f"it takes {named} beside the image, and the device is handed the image alone"
    if contract.others:
        named = " and ".join(f"'{port.name}'" for port in contract.others)
        return f"it returns {named} beside the first result, and the device hands back one"
    return ""
