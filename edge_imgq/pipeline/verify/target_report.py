"""What a report says of one file, put together."""

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
    """Return what is known of a file.

    Args:
        folder: the model's.
        file: opened.
        drift: what was measured.
        budget: that it is held to.
        exceeded: a sentence for every budget that it exceeds.
        size: height and width that memory and instructions are counted at.
        latency: its time.
        gpu: what LiteRT's GPU kernels make of it.
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
    """Return a file's path below a model's folder, or its own where it lies elsewhere."""
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def size_to_time(file: ComparedFile, own: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the size that was asked for, the file's own, or one of the files beside it."""
    if file.size and file.session.resizable:
        return file.size
    return file.session.size or next(iter(own), DEFAULT_SIZE)
