"""Versions of the packages that run files; figures depend on them."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass

from edge_imgq.formats import FORMATS

PACKAGES = ("ai-edge-litert", "coremltools", "numpy", "onnxruntime", "onnxruntime-qnn")
"""Packages that run files and references, in addition to the formats' extras."""


@dataclass(frozen=True)
class PackageVersion:
    """A package and its installed version.

    Attributes:
        name: Name of the distribution, such as "onnxruntime".
        version: Version that it states.
    """

    name: str
    version: str


def runtime_versions() -> tuple[PackageVersion, ...]:
    """Return the versions of the installed packages that run files, sorted by name.

    They are the runtimes, NumPy and the formats' optional packages. Nothing is imported; packages
    that are not installed are left out.
    """
    extras = [row.extra.package for row in FORMATS.values() if row.extra is not None]
    versions = []
    for name in sorted({*PACKAGES, *extras}):
        try:
            versions.append(PackageVersion(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(versions)
