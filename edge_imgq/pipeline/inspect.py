"""Describe a model file, and list the operators that keep it from being exported to targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import float_reference, sha256_of
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.formats import format_of, unknown
from edge_imgq.pipeline.open_model.source import (
    Source,
    open_model,
    refuse_ports,
    refuse_range,
)
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.pipeline.target_outlook import (
    asked_targets,
    passes_of_targets,
    sized_plans,
    target_outlook,
)
from edge_imgq.ports import NO_PORT_REQUESTS, PortRequests
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.contract import FileNote, PixelRange
    from edge_imgq.report.description import FileDescription, PassesOfTargets, TargetOutlook

Size = tuple[int, int]


def inspect(
    path: Path,
    size: Size | None,
    watch: Watch,
    *,
    passes: bool = False,
    pixels: PixelRange | None = None,
    ports: PortRequests = NO_PORT_REQUESTS,
    targets: Sequence[str] = (),
) -> FileDescription:
    """Describe a file: inputs, outputs, operators, weights.

    Of a float ONNX model, also the contract by which `export` would take it, and possible targets.

    Args:
        path: file of a known format, from any tool.
        size: (height, width) to describe an ONNX file at; None for its own or the default.
        watch: called before steps that may take seconds.
        passes: True to list the passes that rewrite the graph for each target.
        pixels: pixel range of an ONNX model as given by the user; None if not given.
        ports: inputs and outputs of an ONNX model as given by the user.
        targets: names, globs or families of targets, whose recipes also choose ports; () for all,
            whatever ports their recipes choose.

    Raises:
        UsageError: it is a folder or a file of unknown format, or `passes`, `pixels`, `ports` or
            `targets` are given for a file that is not a float .onnx model, or that states them.
        ModelError: it is missing or damaged, or does not take the size.
        RecipeError: no recipe of a target can be read.
    """
    file_format = format_of(path)
    if file_format is None and path.is_dir():
        raise UsageError(f"{path} is a folder; name one of the files in it.")
    if file_format is None:
        raise UsageError(f"{path} {unknown(path)}.")
    if path.suffix.lower() != ".onnx":
        _refuse_options(path, passes, ModelOptions(pixels, ports, tuple(targets)))
        describe: Callable[[Path, Size | None], FileDescription] = file_format.functions.describe
        description = describe(path, size)
        return replace(description, model_parameters=_model_parameters(path, description.note))
    return _inspect_onnx(path, size, watch, passes, ModelOptions(pixels, ports, tuple(targets)))


def _refuse_passes(path: Path, requested: bool) -> None:
    if requested:
        raise UsageError(
            f"{path} is not a float .onnx model, and passes rewrite nothing else. Inspect the "
            "model that it was made from with --passes."
        )


def _refuse_targets(path: Path, targets: Sequence[str]) -> None:
    if targets:
        raise UsageError(
            f"{path} is not a float .onnx model, and only such a model is exported to targets. "
            f"Leave {' '.join(targets)} out."
        )


@dataclass(frozen=True)
class ModelOptions:
    """Options that the user gave for a model.

    Attributes:
        pixels: its pixel range; None if not given.
        ports: its inputs and outputs.
        targets: names, globs or families of targets; () for all.
    """

    pixels: PixelRange | None
    ports: PortRequests
    targets: tuple[str, ...] = ()


def _refuse_options(path: Path, passes: bool, given: ModelOptions) -> None:
    """Refuse options that apply to float .onnx models alone."""
    _refuse_passes(path, passes)
    _refuse_targets(path, given.targets)
    refuse_range(str(path), given.pixels, says_range=True)
    refuse_ports(str(path), given.ports)


def _inspect_onnx(
    path: Path, size: Size | None, watch: Watch, passes: bool, requested: ModelOptions
) -> FileDescription:
    """Describe an ONNX file and, if it is a float model, what `export` would make of it."""
    from edge_imgq.export.onnx_description import describe

    if _is_quantized(path):
        _refuse_options(path, passes, requested)
        description = describe(path, size)
        return replace(description, model_parameters=_model_parameters(path, description.note))
    asked, ports = asked_targets(requested.targets, requested.ports)
    watch(ProgressStep("open the model", 0, 2))
    source = _opened(path, size, replace(requested, ports=ports))
    preferred = asked.recipes[0].size if requested.targets else None
    at = _fitting_size(source, preferred) if size is None else size
    watch(ProgressStep("ask the targets", 1, 2))
    outlook: tuple[TargetOutlook, ...] | Skipped
    rewritten: tuple[PassesOfTargets, ...] = ()
    if isinstance(source, Skipped):
        outlook = source
    else:
        plans = sized_plans(source, at, asked, is_given=size is not None)
        outlook = target_outlook(source, at, plans, asked.invalid)
        rewritten = passes_of_targets(source, plans) if passes else ()
    try:
        read = None if isinstance(source, Skipped) else source.model
        description = describe(path, at, read, ports)
    except ModelError as error:
        if isinstance(outlook, Skipped):
            raise ModelError(outlook.reason) from error
        raise
    parameters = _model_parameters(path, description.note)
    compared = "" if isinstance(source, Skipped) else _compared_by(source)
    return replace(
        description,
        model_parameters=parameters,
        targets=outlook,
        contract=None if isinstance(source, Skipped) else source.contract,
        pixels=None if isinstance(source, Skipped) else source.pixels,
        compared_by=compared,
        passes=rewritten,
    )


def _compared_by(source: Source) -> str | Skipped:
    """Return the runtime that ran the file for comparison with the loaded model, or the reason."""
    if source.original is None:
        return ""
    agreement = source.original.agreement
    return agreement if isinstance(agreement, Skipped) else agreement.runtime


def _is_quantized(path: Path) -> bool:
    """Return True if edge-imgq wrote the file from a QDQ graph."""
    import onnx_ir as ir

    from edge_imgq.contract import note_in
    from edge_imgq.graph.load.load import read_onnx

    note = note_in(ir.from_proto(read_onnx(path)).metadata_props, str(path))
    return note is not None and bool(note.quantized_sha256)


def _fitting_size(source: Source | Skipped, preferred: Size | None) -> Size | None:
    """Return the default (height, width) of an opened model; None if it could not be opened.

    Its own if it has one, else the preferred or default one, or the next larger that it takes.
    """
    from edge_imgq.export.onnx_description import DEFAULT_SIZE
    from edge_imgq.graph.shapes.size import own_size

    if isinstance(source, Skipped):
        return None
    return own_size(source.model) or source.contract.fitting(preferred or DEFAULT_SIZE)


def _opened(path: Path, size: Size | None, requested: ModelOptions) -> Source | Skipped:
    """Open a model as `export` would; return the reason if `export` would refuse it."""
    try:
        return open_model(
            str(path), requested.pixels, () if size is None else (size,), requested.ports
        )
    except ModelError as error:
        return Skipped(str(error))


def _model_parameters(path: Path, note: FileNote | None) -> int | None:
    """Count the parameters of the float model that a file was made from, if it is beside it."""
    import onnx_ir as ir

    from edge_imgq.pipeline.verify.references import parameters_of

    reference = float_reference(path)
    if note is None or not reference.is_file() or sha256_of(reference) != note.reference_sha256:
        return None
    return parameters_of(ir.load(reference))
