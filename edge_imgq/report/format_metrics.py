"""Formatting of measured values as text."""

from __future__ import annotations

from edge_imgq.devices.latency import Latency
from edge_imgq.report.drawing import ABSENT, milliseconds
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import IDENTICAL, Conversion, Drop, Fidelity


def fidelity(value: Fidelity | Skipped) -> str:
    """Return mean/worst PSNR in dB, or a dash if not measured."""
    if isinstance(value, Skipped):
        return ABSENT
    return f"{decibels(value.mean)}/{decibels(value.worst)}"


def decibels(value: float, digits: int = 1) -> str:
    """Return a PSNR as text: "same" for identical images, and less than 100 for others.

    Args:
        value: PSNR in dB.
        digits: Decimals.
    """
    if value >= IDENTICAL:
        return "same"
    return f"{min(value, IDENTICAL - 10**-digits):.{digits}f}"


def drop(value: Drop | Skipped) -> str:
    """Return the mean/worst PSNR drop in dB, three decimals, or a dash if not measured."""
    if isinstance(value, Skipped):
        return ABSENT
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value.mean, 3) + 0:.3f}/{round(value.worst, 3) + 0:.3f}"


def conversion(value: Conversion) -> str:
    """Return the percentage of values within one level, and the largest difference: "99.98% 2"."""
    return f"{share(value.within_1)} {value.largest}"


def share(value: float) -> str:
    """Return a share in [0, 1] as a percentage; "100%" only for exactly 1.

    Two decimals; values below 1 are at most 99.99%.
    """
    if value == 1.0:
        return "100%"
    return f"{min(value, 0.9999) * 100:.2f}%"


def latency(value: Latency | Skipped) -> str:
    """Return median/90th percentile in ms, or a dash if not measured."""
    if isinstance(value, Skipped):
        return ABSENT
    return f"{milliseconds(value.median_ms)}/{tail(value)}"


def tail(latency: Latency) -> str:
    """Return the 90th percentile in ms, else the 95th marked "p95", else a dash."""
    if not isinstance(latency.p90_ms, Skipped):
        return milliseconds(latency.p90_ms)
    if not isinstance(latency.p95_ms, Skipped):
        return f"{milliseconds(latency.p95_ms)} p95"
    return ABSENT
