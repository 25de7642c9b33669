"""The figures of a report as text."""

from __future__ import annotations

from edge_imgq.devices.latency import Latency
from edge_imgq.report.drawing import ABSENT, milliseconds
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import IDENTICAL, Conversion, Drop, Fidelity


def fidelity(value: Fidelity | Skipped) -> str:
    """Return a fidelity as mean/worst image, in dB."""
    if isinstance(value, Skipped):
        return ABSENT
    return f"{decibels(value.mean)}/{decibels(value.worst)}"


def decibels(value: float, digits: int = 1) -> str:
    """Return a PSNR in words: "same" where no pixel differs, and below 100 where one does.

    Args:
        value: in dB.
        digits: behind the point.
    """
    if value >= IDENTICAL:
        return "same"
    return f"{min(value, IDENTICAL - 10**-digits):.{digits}f}"


def drop(value: Drop | Skipped) -> str:
    """Return a loss as mean/worst image, in dB."""
    if isinstance(value, Skipped):
        return ABSENT
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value.mean, 3) + 0:.3f}/{round(value.worst, 3) + 0:.3f}"


def conversion(value: Conversion) -> str:
    """Return the share of values within one level, and the largest difference."""
    return f"{share(value.within_1)} {value.largest}"


def share(value: float) -> str:
    """Return a percentage that reads 100 % only where it is."""
    if value == 1.0:
        return "100%"
    return f"{min(value, 0.9999) * 100:.2f}%"


def latency(value: Latency | Skipped) -> str:
    """Return median/90th percentile, in ms."""
    if isinstance(value, Skipped):
        return ABSENT
    return f"{milliseconds(value.median_ms)}/{tail(value)}"


def tail(latency: Latency) -> str:
    """Return the ninetieth percentile, or the ninety-fifth with its name where that is all."""
    if not isinstance(latency.p90_ms, Skipped):
        return milliseconds(latency.p90_ms)
    if not isinstance(latency.p95_ms, Skipped):
        return f"{milliseconds(latency.p95_ms)} p95"
    return ABSENT
