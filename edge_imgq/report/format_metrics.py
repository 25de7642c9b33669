"""Formatting of measured values as text."""

from __future__ import annotations

from edge_imgq.devices.latency import Latency
from edge_imgq.report.drawing import ABSENT, milliseconds
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import IDENTICAL, Conversion, Drop, Fidelity


def fidelity(value: Fidelity | Skipped) -> str:
    """Return mean and lowest PSNR in dB as "45.1/40.2", one decimal; a dash if not measured.

    "same" stands for identical images.
    """
    if isinstance(value, Skipped):
        return ABSENT
    return f"{decibels(value.mean)}/{decibels(value.worst)}"


def decibels(value: float, digits: int = 1) -> str:
    """Format a PSNR: "same" for identical images, and less than 100 for all others.

    Args:
        value: PSNR in dB; identical images count as 100.
        digits: Decimals.
    """
    if value >= IDENTICAL:
        return "same"
    return f"{min(value, IDENTICAL - 10**-digits):.{digits}f}"


def drop(value: Drop | Skipped) -> str:
    """Return the mean and largest PSNR drop in dB as "0.014/0.021"; a dash if not measured.

    Positive is a loss.
    """
    if isinstance(value, Skipped):
        return ABSENT
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value.mean, 3) + 0:.3f}/{round(value.worst, 3) + 0:.3f}"


def conversion(value: Conversion) -> str:
    """Return the share of values within one level, and the largest difference: "99.98% 2".

    The difference is in levels of 255.
    """
    return f"{share(value.within_1)} {value.largest}"


def share(value: float) -> str:
    """Format a share, 0 to 1, as a percentage with two decimals; "100%" only for exactly 1.

    Values below 1 are at most "99.99%".
    """
    if value == 1.0:
        return "100%"
    return f"{min(value, 0.9999) * 100:.2f}%"


def latency(value: Latency | Skipped) -> str:
    """Return median and 90th percentile in ms as "19.2/20.1"; a dash if not measured.

    The 95th percentile marked "p95" or a dash stands for a 90th that was not measured.
    """
    if isinstance(value, Skipped):
        return ABSENT
    return f"{milliseconds(value.median_ms)}/{tail(value)}"


def tail(latency: Latency) -> str:
    """Return the 90th percentile in ms; else the 95th, marked "p95"; else a dash."""
    if not isinstance(latency.p90_ms, Skipped):
        return milliseconds(latency.p90_ms)
    if not isinstance(latency.p95_ms, Skipped):
        return f"{milliseconds(latency.p95_ms)} p95"
    return ABSENT
