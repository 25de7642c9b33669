"""Where a vendor's libraries lie that compile for its NPUs.

Looked at in this order: the folder that the vendor's variable of the environment names, LiteRT's
package of the vendor's SDK, and for Qualcomm the package onnxruntime-qnn.
"""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from edge_imgq.chips import QUALCOMM, Vendor
from edge_imgq.skipped import Skipped

ABSENT_FROM_ONNXRUNTIME = "libQnnLpai.so"
"""Library of low-power audio that Qualcomm's plugin links, without a symbol of it, and that
onnxruntime-qnn lacks: another of QNN's libraries stands in under its name."""

STANDS_IN = "libQnnSystem.so"


@dataclass(frozen=True)
class Sdk:
    """The libraries of a vendor.

    Attributes:
        folders: that the loader looks in, in this order.
        origin: where they are from, in words.
        stand_in: a library that is linked under the name ABSENT_FROM_ONNXRUNTIME while it compiles;
            None where the SDK is whole.
    """

    folders: tuple[Path, ...]
    origin: str
    stand_in: Path | None = None


def find_sdk(vendor: Vendor) -> Sdk | Skipped:
    """Return the libraries that compile for a vendor's NPUs, or what to get and where to put it."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Skipped("LiteRT's compilers for NPUs run on Linux x86-64 alone.")
    named = os.environ.get(vendor.variable, "")
    if named:
        return _named(vendor, Path(named))
    found = _packaged(vendor)
    if found is None and vendor is QUALCOMM:
        found = _of_onnxruntime()
    if found is not None:
        return found
    return Skipped(
        f"{vendor.name}'s compiler, {vendor.library}, is not installed here. {vendor.advice} "
        f"{vendor.variable} names the folder of an SDK that was unpacked."
    )


def _named(vendor: Vendor, root: Path) -> Sdk | Skipped:
    """Return the SDK of a folder; of one that lies there in versions, the last by name."""
    for below in vendor.below:
        for folder in (root, root / below, *sorted(root.glob(f"*/{below}"), reverse=True)):
            if (folder / vendor.library).is_file():
                return Sdk((folder,), f"{vendor.variable}={root}")
    return Skipped(
        f"{vendor.variable} names {root}, and there is no {vendor.library} in it, nor in "
        f"{' or '.join(str(root / below) for below in vendor.below)}. {vendor.advice}"
    )


def _packaged(vendor: Vendor) -> Sdk | None:
    """Return the SDK that LiteRT's package of it has downloaded; None where it has not."""
    if find_spec(vendor.module) is None:
        return None
    folder: Path | None = None
    with suppress(Exception):  # the package prints, raises or returns None as it likes
        folder = import_module(vendor.module).path_to_sdk_libs()
    if folder is None or not (folder / vendor.library).is_file():
        return None
    return Sdk((folder,), f"the package {vendor.module.replace('_', '-')}")


def _of_onnxruntime() -> Sdk | None:
    """Return the libraries of onnxruntime-qnn, which is not imported for it."""
    spec = find_spec("onnxruntime_qnn")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    if not (folder / QUALCOMM.library).is_file():
        return None
    stand_in = None if (folder / ABSENT_FROM_ONNXRUNTIME).is_file() else folder / STANDS_IN
    beside = folder.with_name(f"{folder.name}.libs")
    return Sdk((folder, beside), "the package onnxruntime-qnn", stand_in)
