"""Write figures of a file's operators as node data, which Model Explorer shows on its graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, sha256_of, write_text
from edge_imgq.errors import UsageError
from edge_imgq.pipeline.sensitivity.known_sensitivity import known_sensitivity
from edge_imgq.report.description import FileDescription
from edge_imgq.report.json_form import to_json
from edge_imgq.report.node_data import node_data
from edge_imgq.report.sensitivity import FILE, Sensitivity
from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class Overlay:
    """Result of `write_overlay`.

    Attributes:
        files: written paths, one per figure.
        layers: number of measured layers with a node in the file, and number of all measured
            layers; the reason if no sensitivity is known.
    """

    files: tuple[Path, ...]
    layers: tuple[int, int] | Skipped


def write_overlay(path: Path, description: FileDescription, folder: Path) -> Overlay:
    """Write figures of a file's operators as JSON node data for Model Explorer.

    `<stem>-macs.json` holds multiply-accumulates; if `sensitivity` was run on the model, `-db.json`
    the PSNR in dB with a layer alone in int8, `-error.json` and `-time.json` percent of all layers.

    Args:
        path: exported file, in the folder where `export` wrote it.
        description: description of the file.
        folder: folder for the written files.

    Raises:
        UsageError: Model Explorer has no adapter for the format.
        OutputError: the folder cannot be written.
    """
    if not description.graph:
        raise UsageError(f"{path}: Model Explorer shows graphs of .tflite and .onnx files.")
    sensitivity = _sensitivity(path, description)
    layers = sensitivity.layers if isinstance(sensitivity, Sensitivity) else ()
    figures = node_data(description, layers)
    written = []
    for one in figures:
        output = folder / f"{path.stem}-{one.stem}.json"
        write_text(output, to_json(one.to_dict(description.graph)) + "\n")
        written.append(output)
    if isinstance(sensitivity, Skipped):
        return Overlay(tuple(written), sensitivity)
    shown = next((len(one.values) for one in figures if one.stem == "db"), 0)
    return Overlay(tuple(written), (shown, len(layers)))


def _sensitivity(path: Path, description: FileDescription) -> Sensitivity | Skipped:
    """Return the sensitivity of the float model that a file was made from, or the reason."""
    is_reference = (path.parent.name, path.name) == (REFERENCE_FOLDER, FLOAT_REFERENCE)
    folder = path.parent.parent if path.parent.name == REFERENCE_FOLDER else path.parent
    note = description.note
    digest = sha256_of(path) if is_reference or note is None else note.reference_sha256
    sensitivity = known_sensitivity(folder, digest)
    model = "its model" if note is None else note.model
    nothing = Skipped(f"there is no {FILE} in {folder}: run `edge-imgq sensitivity` on {model}")
    return nothing if sensitivity is None else sensitivity
