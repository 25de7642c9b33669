"""The person's own file: what is known of it, and its copy beside the references."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.artifact import sha256_of
from edge_imgq.contract import PixelRange
from edge_imgq.pipeline.open_model.onnx_model import OnnxModel
from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class SourceAgreement:
    """A file and the model that was read from it give the same image.

    Attributes:
        runtime: what ran the file.
        levels: the largest difference, in 8-bit levels.
        size: height and width of the images.
    """

    runtime: str
    levels: float
    size: tuple[int, int]


@dataclass(frozen=True)
class Original:
    """The file that a model was read from.

    Attributes:
        model: the file.
        pixels: the values that it has for pixel 0 and pixel 255.
        agreement: with the model; the reason where they could not be compared.
    """

    model: OnnxModel
    pixels: PixelRange
    agreement: SourceAgreement | Skipped


def keep_model(given: OnnxModel, path: Path) -> str:
    """Write a model as it was given, of the ports that were chosen, with all of its weights inside.

    Returns:
        The digest of the copy.
    """
    import onnx
    from onnx.external_data_helper import uses_external_data

    graph = given.load(weights=False).graph
    if given.ports.is_choice or any(uses_external_data(tensor) for tensor in graph.initializer):
        onnx.save(given.load(), path)
    elif given.path is None:
        path.write_bytes(given.contents)
    else:
        shutil.copyfile(given.path, path)
    return sha256_of(path)


def with_agreement(measured: str | Skipped, original: Original | None) -> str | Skipped:
    """Add to why drift was not measured against a file how that file was compared instead."""
    if original is None or not isinstance(measured, Skipped):
        return measured
    found = original.agreement
    if isinstance(found, Skipped):
        return Skipped(f"{measured.reason}; the two were not compared: {found.reason}")
    height, width = found.size
    return Skipped(
        f"{measured.reason}; at {height}x{width} the two are at most {found.levels:.2g} levels of "
        f"255 apart, by {found.runtime}"
    )
