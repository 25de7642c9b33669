"""Versions of the packages that run files: with others, figures may be others."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass

from edge_imgq.formats import FORMATS

PACKAGES = ("ai-edge-litert", "coremltools", "numpy", "onnxruntime", "onnxruntime-qnn")
"""What runs files and references on this host, beside what a format needs as an extra."""


@dataclass(frozen=True)
class PackageVersion:
    """A package and its version here."""

    name: str
    version: str


def runtime_versions() -> tuple[PackageVersion, ...]:
    """Return the versions of those that are installed, without importing them."""
    extras = [row.extra.package for row in FORMATS.values() if row.extra is not None]
    found = []
    for name in sorted({*PACKAGES, *extras}):
        try:
            found.append(PackageVersion(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)
