"""Writer of `.aimodel` folders with reproducible bytes."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

from edge_imgq.contract import FileNote
from edge_imgq.errors import EdgeImgqError, ModelError
from edge_imgq.export.coreai.program import build
from edge_imgq.export.coreml.program import check
from edge_imgq.graph.network import Network
from edge_imgq.runtime.coreai_file import METADATA, SIZE
from edge_imgq.runtime.mil.silence import silenced


def save(network: Network, note: FileNote, path: Path) -> None:
    """Write a network as a Core AI file, deterministically.

    Input and output are float32 (1, C, H, W), images in levels 0 to 255; it computes in float16.

    Args:
        network: one (1, C, H, W) image to one image, static shapes.
        note: metadata to embed.
        path: folder of the file, which must not exist; removed on failure.

    Raises:
        UnsupportedOperatorError: lists every operation that the format cannot express.
        ModelError: a value exceeds float16, inputs or outputs contradict the contract, there is
            another input than one image, or Core AI's compiler fails.
        OSError: the folder cannot be written.
    """
    check(network, note.contract)
    if not note.contract.takes_image_alone:
        raise ModelError(
            f"{note.model} takes other inputs than one photograph, and Core AI files take nothing "
            "else here. Use the coreml targets, or make further inputs constants (--bind)."
        )
    try:
        with silenced():
            program = build(network, note.contract)
        program.save_asset(path, _metadata(network, note))
        _make_repeatable(path / METADATA)
    except (EdgeImgqError, OSError):
        shutil.rmtree(path, ignore_errors=True)
        raise
    except Exception as error:  # Core AI raises the bare texts of its compiler
        shutil.rmtree(path, ignore_errors=True)
        reason = str(error).strip().split("\n")[0]
        raise ModelError(
            f"Core AI cannot write {note.model} for {note.target}: {reason}"
        ) from error


def _metadata(network: Network, note: FileNote) -> Any:
    """Return the file's metadata: author, licence, description, note and size."""
    metadata = importlib.import_module("coreai.runtime").AIModelAssetMetadata()
    stated, contract = note.authorship, note.contract
    metadata.author = stated.author or f"edge-imgq {note.version}"
    metadata.license = stated.licence
    metadata.model_description = (
        f"{note.model}, {contract.task} x{contract.scale}, written for target {note.target}"
    )
    for key, value in note.to_strings().items():
        metadata.set_custom(key, value)
    height, width = network.inputs[0].shape[2:]
    metadata.set_custom(SIZE, f"{height}x{width}")
    return metadata


def _make_repeatable(metadata: Path) -> None:
    """Remove the date from a metadata file and sort its keys, so that exports are equal."""
    fields = json.loads(metadata.read_bytes())
    fields.pop("creationDate", None)
    metadata.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", encoding="utf-8")
