"""Assemble the report of one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import sha256_of, size_of
from edge_imgq.bench.timing import DEFAULT_SIZE
from edge_imgq.report.report import TargetReport
from edge_imgq.runtime.memory import known_memory
from edge_imgq.skipped import Skipped
from edge_imgq.verify.gpu_drift import NOT_ON_GPU

if TYPE_CHECKING:
    from edge_imgq.devices.latency import Latency
    from edge_imgq.pipeline.verify.references import ComparedFile
    from edge_imgq.recipe.export import Budget
    from edge_imgq.verify.drift import Drift
    from edge_imgq.verify.gpu_drift import GpuDrift


def target_report(
    folder: Path,
    file: ComparedFile,
    drift: Drift,
    budget: Budget | None,
    exceeded: tuple[str, ...],
    size: tuple[int, int],
    latency: Latency | Skipped,
    gpu: GpuDrift | Skipped = NOT_ON_GPU,
) -> TargetReport:
    """Assemble the report of a file; memory in bytes and instructions are computed here.

    Args:
        folder: folder of the model.
        file: the opened file.
        drift: drift of the file.
        budget: limits of the drift; None for none.
        exceeded: one sentence per limit that the drift exceeds.
        size: (height, width) that memory and instructions are counted at.
        latency: latency of the file, or why it was not measured.
        gpu: drift in LiteRT's GPU kernels, or why it was not measured.
    """
    return TargetReport(
        target=file.session.note.target,
        file=_name_in(folder, file.path),
        bytes=size_of(file.path),
        sha256=sha256_of(file.path),
        quantized_sha256=file.session.note.quantized_sha256,
        runtime=str(file.session.identity),
        vs_reference=drift.vs_reference,
        drop=drift.drop,
        quantization=drift.quantization,
        conversion=drift.conversion,
        mean_error=drift.mean_error,
        images=drift.images,
        vs_host=drift.vs_host,
        builtin_kernels=drift.builtin_kernels,
        placement=file.session.placement(),
        latency=latency,
        instructions=file.session.instructions(size),
        memory=known_memory(file.path, size),
        sizes=() if file.session.resizable else file.session.sizes,
        breaches=exceeded,
        budget=budget,
        gpu=gpu,
        numbers=drift.numbers,
        others=drift.others,
        amplified=drift.amplified,
        growth=drift.growth,
    )


def _name_in(folder: Path, path: Path) -> str:
    """Return a file's path relative to the model's folder, or its full path if it is elsewhere."""
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def size_to_time(file: ComparedFile, own: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the (height, width) in pixels to time a file at.

    Args:
        file: the opened file.
        own: fixed sizes of the files beside it.

    Returns:
        The requested size if the file takes any, else its own, else the first of `own`, else
        180 × 320.
    """
    if file.size and file.session.resizable:
        return file.size
    return file.session.size or next(iter(own), DEFAULT_SIZE)
