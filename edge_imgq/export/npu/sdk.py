"""Location of vendor libraries that compile for NPUs.

Searched in this order: the folder in the vendor's environment variable, LiteRT's package of the
vendor's SDK, and for Qualcomm the package onnxruntime-qnn.
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
"""Audio library that Qualcomm's plugin links but does not call.

onnxruntime-qnn lacks it; another QNN library is linked under its name.
"""

STANDS_IN = "libQnnSystem.so"


@dataclass(frozen=True)
class Sdk:
    """The libraries of a vendor.

    Attributes:
        folders: loader path, in search order.
        origin: description of the source.
        stand_in: library to link as ABSENT_FROM_ONNXRUNTIME during compilation; None for a complete
            SDK.
    """

    folders: tuple[Path, ...]
    origin: str
    stand_in: Path | None = None


def find_sdk(vendor: Vendor) -> Sdk | Skipped:
    """Locate the libraries that compile for a vendor's NPUs; no library is loaded.

    The folder that the environment variable `vendor.variable` names comes first, then the vendor's
    Python package, then for Qualcomm that of ONNX Runtime. Only on Linux x86-64.

    Returns:
        The libraries, or Skipped with a sentence that says how to install them.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Skipped("LiteRT's compilers for NPUs run on Linux x86-64 alone.")
    named = os.environ.get(vendor.variable, "")
    if named:
        return _named(vendor, Path(named))
    sdk = _packaged(vendor)
    if sdk is None and vendor is QUALCOMM:
        sdk = _of_onnxruntime()
    if sdk is not None:
        return sdk
    return Skipped(
        f"{vendor.name}'s compiler, {vendor.library}, is not installed here. {vendor.advice} "
        f"{vendor.variable} names the folder of an SDK that was unpacked."
    )


def _named(vendor: Vendor, root: Path) -> Sdk | Skipped:
    """Return the SDK in a folder; of several versions, the last by name."""
    for below in vendor.below:
        for folder in (root, root / below, *sorted(root.glob(f"*/{below}"), reverse=True)):
            if (folder / vendor.library).is_file():
                return Sdk((folder,), f"{vendor.variable}={root}")
    return Skipped(
        f"{vendor.variable} names {root}, and there is no {vendor.library} in it, nor in "
        f"{' or '.join(str(root / below) for below in vendor.below)}. {vendor.advice}"
    )


def _packaged(vendor: Vendor) -> Sdk | None:
    """Return the SDK that LiteRT's vendor package has downloaded, or None."""
    if find_spec(vendor.module) is None:
        return None
    folder: Path | None = None
    with suppress(Exception):  # the package prints, raises or returns None as it likes
        folder = import_module(vendor.module).path_to_sdk_libs()
    if folder is None or not (folder / vendor.library).is_file():
        return None
    return Sdk((folder,), f"the package {vendor.module.replace('_', '-')}")


def _of_onnxruntime() -> Sdk | None:
    """Return the libraries of onnxruntime-qnn, without importing it, or None."""
    spec = find_spec("onnxruntime_qnn")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    if not (folder / QUALCOMM.library).is_file():
        return None
    stand_in = None if (folder / ABSENT_FROM_ONNXRUNTIME).is_file() else folder / STANDS_IN
    bundled = folder.with_name(f"{folder.name}.libs")
    return Sdk((folder, bundled), "the package onnxruntime-qnn", stand_in)
