"""Check exported files for GPUs in LiteRT's GPU kernels, if these are installed.

An emulated GPU is slow. So a network that takes any size is written again for a small tile, with
the same settings, and the tile is run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.devices.find_device import find_device
from edge_imgq.devices.gpu.device import GpuSession
from edge_imgq.errors import DeviceError
from edge_imgq.export.functions import functions_of
from edge_imgq.images.samples import samples
from edge_imgq.pipeline.export.write_targets import ExportPlan, TargetJob, spec_of
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.pipeline.verify.gpu_check import gpu_drift
from edge_imgq.recipe.export import kernels_of
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.protocol import FloatSession
from edge_imgq.skipped import Skipped
from edge_imgq.verify.gpu_drift import NOT_ON_GPU, GpuDrift

if TYPE_CHECKING:
    from edge_imgq.devices.protocol import Device, DeviceSession
    from edge_imgq.runtime.protocol import Session

Size = tuple[int, int]

TILE = 96
"""Least height and width of the tile in pixels; the receptive field if that is larger."""


def on_gpu(plan: ExportPlan, jobs: Sequence[TargetJob], report: Report, watch: Watch) -> Report:
    """Return a report with the GPU drift of each file for GPUs, or why it was not measured.

    Files run in LiteRT's GPU kernels on one tile of 96 × 96 pixels or the receptive field, or their
    own size. Drift that a GPU must not have is added to the breaches.

    Args:
        plan: plan of the export.
        jobs: files of the export.
        report: report on the files that exist; it is not changed.
        watch: called before each file.
    """
    works = {w.target: w for w in jobs if w.processor == "gpu" and "gpu" in w.format.devices}
    if not works.keys() & {target.target for target in report.targets}:
        return report
    device = find_device("gpu")
    targets = []
    for target in report.targets:
        drift: GpuDrift | Skipped = NOT_ON_GPU
        if target.target in works:
            watch(ProgressStep(f"{target.target} in LiteRT's GPU kernels", 0, 1))
            drift = _drift(plan, works[target.target], device)
        targets.append(_with_drift(target, drift))
    return replace(report, targets=tuple(targets))


def _with_drift(target: TargetReport, drift: GpuDrift | Skipped) -> TargetReport:
    """Add a GPU drift and its breaches to a target's report."""
    breaches = () if isinstance(drift, Skipped) else drift.breaches
    return replace(target, gpu=drift, breaches=(*target.breaches, *breaches))


def _drift(plan: ExportPlan, work: TargetJob, device: Device | Skipped) -> GpuDrift | Skipped:
    """Measure the GPU drift on a tile of the first image; return the reason if the GPU fails."""
    if isinstance(device, Skipped):
        return device
    if refusal := device.refusal(work.path):
        return Skipped(refusal)
    with tempfile.TemporaryDirectory(prefix="edge-imgq-") as folder, ExitStack() as stack:
        path, size = work.path, _tile(plan, work)
        if size != work.sizes[0]:
            path = Path(folder) / work.path.name
            graph = plan.source.prepared(work.recipe.passes, kernels_of(work.recipe))
            order = replace(spec_of(plan, work, ""), sizes=(size,))
            functions_of(work.recipe.format).write(graph, order, path)
        try:
            session = device.open(path, 1)
            stack.callback(session.close)
            return _compared(plan, session, open_session(path), size)
        except DeviceError as error:
            return Skipped(str(error))


def _compared(
    plan: ExportPlan, session: DeviceSession, host: Session, size: Size
) -> GpuDrift | Skipped:
    if not isinstance(session, GpuSession) or not isinstance(host, FloatSession):
        return NOT_ON_GPU
    sample = next(iter(samples(plan.evaluation, session.note.contract, size)))
    return gpu_drift(session, host, sample)


def _tile(plan: ExportPlan, work: TargetJob) -> Size:
    """Return the (height, width) of the tile.

    The file's own size if the network has a fixed size, looks at the whole image, or would need a
    tile that is no smaller.
    """
    from edge_imgq.graph.receptive_field.receptive_field import receptive_field
    from edge_imgq.graph.shapes.size import own_size

    sees = receptive_field(plan.source.model).diameter
    if own_size(plan.source.model) or sees is None:
        return work.sizes[0]
    side = max(TILE, sees)
    side += -side % plan.source.contract.multiple
    height, width = work.sizes[0]
    return (side, side) if side * side < height * width else (height, width)
