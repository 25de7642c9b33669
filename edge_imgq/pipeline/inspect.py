"""What a file consists of, and what stands in the way of the targets that it could become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import float_reference, sha256_of
from edge_imgq.errors import ModelError
from edge_imgq.pipeline.step import Step, Watch
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.contract import FileNote
    from edge_imgq.report.description import FileDescription, TargetOutlook

Size = tuple[int, int]


def inspect(path: Path, size: Size | None, watch: Watch) -> FileDescription:
    """Return what a file consists of.

    Args:
        path: a file of one of FORMATS, whoever wrote it.
        size: height and width to look at an ONNX file at; None for its own.
        watch: told of what may take seconds.

    Raises:
        ModelError: the file is of another format, missing or damaged, or does not fit the size.
    """
    if path.suffix.lower() not in FORMATS and path.is_dir():
        raise ModelError(f"{path} is a folder; name one of the files in it.")
    if path.suffix.lower() not in FORMATS:
        raise ModelError(f"{path} is not one of {', '.join(FORMATS)}; nothing else is known here.")
    found = FORMATS[path.suffix.lower()](path, size)
    found = replace(found, model_parameters=_model_parameters(path, found.note))
    if found.format != "ONNX" or (found.note is not None and found.note.quantized_sha256):
        return found
    watch(Step("ask the targets", 0, 1))
    return replace(found, targets=_outlook(path, size or found.counted_at))


def _model_parameters(path: Path, note: FileNote | None) -> int | None:
    """Return what the float model that a file was made from has, where it lies beside the file."""
    from edge_imgq.pipeline.references import parameters_of

    reference = float_reference(path)
    if note is None or not reference.is_file() or sha256_of(reference) != note.reference_sha256:
        return None
    return parameters_of(reference)


def _outlook(path: Path, size: Size | None) -> tuple[TargetOutlook, ...] | Skipped:
    """Ask every target of the recipes what `export` would refuse of an ONNX model.

    Returns:
        One outlook per target; the reason, where export refuses the model itself.
    """
    from edge_imgq.graph.size import own_size
    from edge_imgq.pipeline.operators import refused, target_plans
    from edge_imgq.pipeline.source import open_model
    from edge_imgq.recipe.folders import export_recipes, quantize_recipe
    from edge_imgq.report.description import RefusedOperator, TargetOutlook

    recipes = export_recipes()
    schemes = {name: quantize_recipe(name) for name in {r.scheme for r in recipes if r.scheme}}
    try:
        source = open_model(str(path), sizes=() if size is None else (size,))
        at = size or own_size(source.model)
        sizes = {recipe.name: (at or recipe.size,) for recipe in recipes}
        found = refused(source, target_plans(source, recipes, schemes, sizes))
    except ModelError as error:
        return Skipped(str(error))
    return tuple(
        TargetOutlook(target, tuple(RefusedOperator(r.operator, r.reason) for r in refusals))
        for target, refusals in found.items()
    )


def _onnx(path: Path, size: Size | None) -> FileDescription:
    from edge_imgq.export.onnx_description import describe

    return describe(path, size)


def _tflite(path: Path, _size: Size | None) -> FileDescription:
    from edge_imgq.export.tflite.describe import describe

    return describe(path)


def _coreml(path: Path, _size: Size | None) -> FileDescription:
    from edge_imgq.export.coreml.describe import describe

    return describe(path)


FORMATS: dict[str, Callable[[Path, Size | None], FileDescription]] = {
    ".onnx": _onnx,
    ".tflite": _tflite,
    ".mlpackage": _coreml,
}
"""File name extension → what describes it; the size is for files that take any."""
