"""Versions of the packages that run files: with others, figures may be others."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass

PACKAGES = ("ai-edge-litert", "coremltools", "numpy", "onnxruntime")
"""What runs files and references on this host."""


@dataclass(frozen=True)
class PackageVersion:
    """A package and its version here."""

    name: str
    version: str


def runtime_versions() -> tuple[PackageVersion, ...]:
    """Return the versions of those of PACKAGES that are installed, without importing them."""
    found = []
    for name in PACKAGES:
        try:
            found.append(PackageVersion(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)
