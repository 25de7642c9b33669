"""Opens a saved `.mlpackage`: manifest, model description and weight files."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError
from edge_imgq.runtime.mil.silence import coremltools

MANIFEST = "Manifest.json"


@dataclass(frozen=True)
class Package:
    """A package read from disk.

    Attributes:
        path: folder of the package.
        model: the parsed `Model` protobuf message.
        weights: contents of the weight files, by the name that the program uses for them
            (`@model_path/weights/weight.bin`).
    """

    path: Path
    model: Any
    weights: dict[str, bytes]

    @property
    def metadata(self) -> dict[str, str]:
        """User-defined metadata of the package, strings by key; {} if there are none.

        If edge-imgq wrote the package, the pairs of its `FileNote` are among them.
        """
        return dict(self.model.description.metadata.userDefined)


def open_package(path: Path) -> Package:
    """Read a .mlpackage from disk: the parsed model description and the bytes of its weight files.

    In Apple's layout, `Manifest.json` names the root model among its items, and the weights are in
    the folder `weights` beside that model.

    Raises:
        ModelError: the package is missing, damaged or incomplete, or holds no ML Program.
    """
    specification = _model_file(path)
    model = _parse(specification)
    if model.WhichOneof("Type") != "mlProgram":
        raise ModelError(
            f"{path} holds a {model.WhichOneof('Type')}, not an ML Program; "
            "only packages for iOS 15 and later can be run."
        )
    folder = specification.parent / "weights"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    weights = {f"@model_path/weights/{file.name}": file.read_bytes() for file in files}
    return Package(path, model, weights)


def read_note(path: Path) -> FileNote:
    """Read the note that edge-imgq stored in a .mlpackage's metadata.

    Raises:
        ModelError: the package is missing, damaged, or not written by edge-imgq.
    """
    return FileNote.from_strings(open_package(path).metadata, str(path))


def _model_file(path: Path) -> Path:
    """Return the path of the model description that the manifest names as root.

    Raises:
        ModelError: there is no package, or its manifest or model is missing or damaged.
    """
    if not path.exists():
        raise ModelError(f"There is no Core ML package at {path}.")
    if not (path / MANIFEST).is_file():
        raise ModelError(f"{path} is not a Core ML package: it has no {MANIFEST}.")
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        item = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]
        file = path / "Data" / str(item["path"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path / MANIFEST} is damaged ({error!r}). Export it again.") from error
    if not file.is_file():
        raise ModelError(f"{path} is not whole: {file.name} is missing. Export it again.")
    return file


def _parse(file: Path) -> Any:
    """Parse the protobuf message of a model file.

    Raises:
        ModelError: it is damaged or truncated.
    """
    model = coremltools().proto.Model_pb2.Model()
    decode_error = importlib.import_module("google.protobuf.message").DecodeError
    try:
        model.ParseFromString(file.read_bytes())
    except decode_error as error:
        raise ModelError(f"{file} is damaged or truncated. Export it again.") from error
    return model
