"""Google Play AI packs: one file per device group, and one for all other devices.

LiteRT's library writes the pack (ai_edge_litert.aot.ai_pack), with the names that LiteRT's tooling
and model providers read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_imgq.artifact import staging
from edge_imgq.chips import Chip


def pack_name(model: str) -> str:
    """Convert a model name to a valid pack name: ASCII letters, digits and underscores.

    Every other character becomes `_`. A name that is empty or does not start with a letter gets
    "pack_" in front.
    """
    name = re.sub(r"\W", "_", model, flags=re.ASCII)
    return name if name[:1].isalpha() else f"pack_{name}"


def write_ai_pack(
    output: Path, pack: str, files: Mapping[str, tuple[Path, Mapping[Path, Chip]]]
) -> None:
    """Write an AI pack: `device_targeting_configuration.xml` and a folder of files.

    Args:
        output: target folder; an existing pack of the same name is replaced.
        pack: name of the pack.
        files: by asset name, the file for other devices and the compiled files with their chips;
            all assets have the same chips.

    Raises:
        OutputError: the disk is full, or the folder cannot be created or written.
    """
    from ai_edge_litert.aot.ai_pack import export_lib

    with staging(output) as stage:
        for asset, (fallback, compiled) in files.items():
            export_lib.export(_result(fallback, compiled), stage, pack, asset)


def _result(fallback: Path, compiled: Mapping[Path, Chip]) -> Any:
    """Wrap files as a compilation result of LiteRT."""
    from ai_edge_litert.aot.core.aot_types import CompilationResult, Model

    result = CompilationResult()
    for backend, path in (
        (_fallback(), fallback),
        *((_backend(chip), path) for path, chip in compiled.items()),
    ):
        result.models_with_backend.append((backend, Model.create_from_path(path)))
    return result


def _fallback() -> Any:
    from ai_edge_litert.aot.vendors.fallback_backend import FallbackBackend

    return FallbackBackend.create({"backend_id": FallbackBackend.id()})


def _backend(chip: Chip) -> Any:
    """Return LiteRT's backend of a chip; the first of a chip with several."""
    from ai_edge_litert.aot.vendors.import_vendor import import_vendor

    backend = import_vendor(LITERT_IDS.get(chip.vendor.plugin, chip.vendor.plugin))
    config = {"backend_id": backend.id(), "soc_model": chip.model}
    return next(iter(backend.create(config).specialize()))


LITERT_IDS = {"google_tensor": "GOOGLE"}
"""LiteRT backend ids of vendors whose plugin folder has another name."""
