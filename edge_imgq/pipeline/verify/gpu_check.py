"""Run one image in LiteRT's GPU kernels, in float16 and in float32, and compare with this host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.devices.gpu.bisect import HIGHEST, first_wrong
from edge_imgq.errors import NonFiniteOutputError
from edge_imgq.metrics.psnr import psnr
from edge_imgq.runtime.fp16_overflow import fp16_overflows
from edge_imgq.skipped import Skipped
from edge_imgq.verify.budget import MIN_PSNR_VS_HOST
from edge_imgq.verify.gpu_drift import (
    MIN_FLOAT32_PSNR,
    GpuDrift,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_imgq.devices.gpu.bisect import WrongOperator
    from edge_imgq.devices.gpu.device import GpuSession
    from edge_imgq.images.samples import Sample
    from edge_imgq.runtime.protocol import FloatSession


def gpu_drift(
    session: GpuSession,
    host: FloatSession,
    sample: Sample,
    bisects: bool = False,
    reference: Path | None = None,
) -> GpuDrift:
    """Compare a file on the GPU with the same file on this host, on one image.

    It runs on the GPU in float16 and in float32. If a result is doubtful, the first operator whose
    result differs is searched for.

    Args:
        session: session of the file on the GPU.
        host: session of the file on this host.
        sample: image of a size that the file takes.
        bisects: True to search for the first wrong operator even if the file as a whole is right.
        reference: file that this host runs, if it is not the session's; None for the same file.

    Raises:
        DeviceError: the driver crashed.
        NonFiniteOutputError: the file returns NaN or infinity on this host.
        ModelError: the file is damaged.
    """
    pixels = sample.pixels
    known = host.levels(pixels)
    drift = GpuDrift(
        str(session.identity),
        sample.name,
        (pixels.shape[0], pixels.shape[1]),
        _distance(session, known, pixels, in_float32=False),
        _distance(session, known, pixels, in_float32=True),
        fp16_overflows(reference or session.path, pixels, session.note.contract.peak),
    )
    if bisects or drift.is_doubtful:
        return replace(drift, operator=_operator(session, drift, pixels, reference))
    return drift


def _distance(
    session: GpuSession, known: NDArray[np.float64], pixels: NDArray[np.uint8], in_float32: bool
) -> float:
    """Return the PSNR in dB of the GPU's image against this host's, clipped but not rounded.

    At most HIGHEST; 0 if the GPU returns NaN or infinity.
    """
    try:
        levels = session.levels(pixels, in_float32)
    except NonFiniteOutputError:
        return 0.0
    return min(psnr(np.clip(known, 0, 255), np.clip(levels, 0, 255)), HIGHEST)


def _operator(
    session: GpuSession, drift: GpuDrift, pixels: NDArray[np.uint8], reference: Path | None
) -> WrongOperator | Skipped:
    """Return the first operator that is computed wrongly, in the precision that the drift names."""
    in_float32 = drift.bisected_in_float32
    least = MIN_FLOAT32_PSNR if in_float32 else MIN_PSNR_VS_HOST
    return first_wrong(session, pixels, least, in_float32, reference)
