"""Describe the user's own ONNX file, and copy it beside the references."""

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
    """Result of comparing a file with the model loaded from it, if they agree up to rounding.

    Attributes:
        runtime: runtime that ran the file.
        levels: largest difference, in levels of 255.
        size: (height, width) of the test images.
    """

    runtime: str
    levels: float
    size: tuple[int, int]


@dataclass(frozen=True)
class Original:
    """The ONNX model that a float model was loaded from.

    Attributes:
        model: model as given.
        pixels: its values for pixel 0 and pixel 255.
        agreement: comparison with the loaded model; the reason if they could not be compared.
    """

    model: OnnxModel
    pixels: PixelRange
    agreement: SourceAgreement | Skipped


def keep_model(model: OnnxModel, path: Path) -> str:
    """Write a model with the chosen ports and all weights into one .onnx file.

    Without chosen ports and external weights, the copy is identical byte for byte. An existing copy
    is overwritten.

    Args:
        model: the model.
        path: path of the copy.

    Returns:
        SHA-256 of the copy, in hexadecimal.

    Raises:
        OSError: the copy cannot be written.
    """
    import onnx
    from onnx.external_data_helper import uses_external_data

    graph = model.load(weights=False).graph
    if model.ports.is_choice or any(uses_external_data(tensor) for tensor in graph.initializer):
        onnx.save(model.load(), path)
    elif model.path is None:
        path.write_bytes(model.contents)
    else:
        shutil.copyfile(model.path, path)
    return sha256_of(path)


def with_agreement(measured: str | Skipped, original: Original | None) -> str | Skipped:
    """Extend the reason why drift was not measured against the user's file by their comparison.

    Args:
        measured: runtime of the file as float reference, or the reason why it is not used.
        original: the file; None if the model was not loaded from one.
    """
    if original is None or not isinstance(measured, Skipped):
        return measured
    agreement = original.agreement
    if isinstance(agreement, Skipped):
        return Skipped(f"{measured.reason}; the two were not compared: {agreement.reason}")
    height, width = agreement.size
    return Skipped(
        f"{measured.reason}; at {height}x{width} the two are at most {agreement.levels:.2g} levels "
        f"of 255 apart, by {agreement.runtime}"
    )
