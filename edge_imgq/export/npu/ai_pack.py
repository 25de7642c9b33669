"""An AI pack of Google Play: one file for each group of devices, and one for all others.

LiteRT's own library writes it (ai_edge_litert.aot.ai_pack), so its names are those that LiteRT's
tooling and its model providers read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_imgq.artifact import staging
from edge_imgq.chips import Chip


def pack_name(model: str) -> str:
    """Return a model's name as Play takes those of packs: letters, digits and underscores."""
    name = re.sub(r"\W", "_", model, flags=re.ASCII)
    return name if name[:1].isalpha() else f"pack_{name}"


def write_ai_pack(
    output: Path, pack: str, files: Mapping[str, tuple[Path, Mapping[Path, Chip]]]
) -> None:
    """Write an AI pack: `device_targeting_configuration.xml`, and a folder with the files.

    Args:
        output: folder that gets both; a pack of the same name there is replaced.
        pack: its name.
        files: by the name of the asset: the file for all other devices, and those of chips. Every
            asset has the same chips.

    Raises:
        OutputError: the disk is full, or the folder cannot be made or written.
    """
    from ai_edge_litert.aot.ai_pack import export_lib

    with staging(output) as stage:
        for asset, (fallback, compiled) in files.items():
            export_lib.export(_result(fallback, compiled), stage, pack, asset)


def _result(fallback: Path, compiled: Mapping[Path, Chip]) -> Any:
    """Return files as LiteRT's compiler returns those that it made itself."""
    from ai_edge_litert.aot.core.aot_types import CompilationResult, Model

    found = CompilationResult()
    for backend, path in (
        (_fallback(), fallback),
        *((_backend(chip), path) for path, chip in compiled.items()),
    ):
        found.models_with_backend.append((backend, Model.create_from_path(path)))
    return found


def _fallback() -> Any:
    from ai_edge_litert.aot.vendors.fallback_backend import FallbackBackend

    return FallbackBackend.create({"backend_id": FallbackBackend.id()})


def _backend(chip: Chip) -> Any:
    """Return what LiteRT knows a chip by; of one with several systems, the first."""
    from ai_edge_litert.aot.vendors.import_vendor import import_vendor

    backend = import_vendor(LITERT_IDS.get(chip.vendor.plugin, chip.vendor.plugin))
    config = {"backend_id": backend.id(), "soc_model": chip.model}
    return next(iter(backend.create(config).specialize()))


LITERT_IDS = {"google_tensor": "GOOGLE"}
"""Names of vendors in LiteRT's Python library, where they are not those of its plugins' folders."""
