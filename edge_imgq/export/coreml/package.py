"""Writer of `.mlpackage` folders with reproducible bytes.

coremltools writes random identifiers into the manifest, the date into the metadata, and protobuf
maps in arbitrary order; Core ML needs none of the three.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

AUTHOR = "com.apple.CoreML"
FOLDER = Path(AUTHOR)
NAMESPACE = uuid.UUID("6f0ee1f8-9d3a-5b41-8a27-3a1d6d1b6c55")


def write(path: Path, model: Any, weights: Path | None) -> None:
    """Write a package's manifest, model and weights into a folder; equal contents give equal bytes.

    The files are `Manifest.json`, `Data/com.apple.CoreML/model.mlmodel` and `weights/` beside it.

    Args:
        path: an empty folder.
        model: the `Model` protobuf message.
        weights: folder of weight files to copy, or None.

    Raises:
        OSError: a file cannot be read or written.
    """
    data = path / "Data" / FOLDER
    data.mkdir(parents=True)
    serialized = model.SerializeToString(deterministic=True)
    (data / "model.mlmodel").write_bytes(serialized)
    digest = hashlib.sha256(serialized)
    entries: dict[str, dict[str, str]] = {}
    if weights is not None and weights.is_dir():
        (data / "weights").mkdir()
        for file in sorted(weights.iterdir()):
            shutil.copyfile(file, data / "weights" / file.name)
            digest.update(file.read_bytes())
        entries |= _entry(digest.hexdigest(), "weights", "CoreML Model Weights")
    root = _entry(digest.hexdigest(), "model.mlmodel", "CoreML Model Specification")
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": entries | root,
        "rootModelIdentifier": next(iter(root)),
    }
    (path / "Manifest.json").write_text(json.dumps(manifest, indent=4, sort_keys=True) + "\n")


def _entry(digest: str, name: str, description: str) -> dict[str, dict[str, str]]:
    """Return an item of the manifest with an identifier derived from the contents."""
    identifier = str(uuid.uuid5(NAMESPACE, f"{digest} {name}")).upper()
    item = {"author": AUTHOR, "description": description, "name": name}
    return {identifier: item | {"path": (FOLDER / name).as_posix()}}
