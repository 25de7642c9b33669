"""Lines of a report on placement, device agreement, GPU kernels and memory."""

from __future__ import annotations

from collections import Counter

from edge_imgq.report.drawing import byte_count
from edge_imgq.report.format_metrics import fidelity, share
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.skipped import Skipped
from edge_imgq.verify.gpu_drift import NOT_BISECTED
from edge_imgq.wording import count_of

EXPECTED = {"QUANTIZE": " (pixels to int8 and back, as in every int8 file)"}
"""Remark on operator kinds that always fall back to other kernels."""


def placement_lines(report: Report) -> list[str]:
    """Return a placement line per file that ran on a device or was compiled for one."""
    return [_placed(target) for target in report.targets if not _is_of_host(report, target)]


def fallback_lines(report: Report) -> list[str]:
    """Return a placement line per file with operators that fall back from this host's delegate."""
    return [
        _placed(target)
        for target in report.targets
        if _is_of_host(report, target)
        and not isinstance(target.placement, Skipped)
        and target.placement.fallback
    ]


def _is_of_host(report: Report, target: TargetReport) -> bool:
    """Return True if a file ran on this host and is not compiled for a device.

    A file of unknown placement counts as one of the host.
    """
    if isinstance(target.placement, Skipped):
        return True
    return report.device == "host" and isinstance(target.vs_host, Skipped)


def _placed(target: TargetReport) -> str:
    """Return the operators on an accelerator, its partitions, and the operators that fall back."""
    place = target.placement
    assert not isinstance(place, Skipped)
    line = f"{target.target}: {place.delegated} of {place.operators} operators on {place.unit}"
    rest = f", in {count_of(place.partitions, 'partition')}"
    left = [
        f"{count} × {kind}{EXPECTED.get(kind, '')}"
        for kind, count in Counter(place.fallback).items()
    ]
    return line + rest + (f", not {', '.join(left)}" if left else "")


def agreement_lines(report: Report) -> list[str]:
    """Return how far each file that ran on a device is from the same file on this host.

    A file that is compiled for an NPU and emulated here is compared with its graph.
    """
    itself = "its graph" if report.device == "host" else "itself"
    lines = []
    for target in report.targets:
        found = target.vs_host
        if isinstance(found, Skipped):
            continue
        if found.equal == 1:
            lines.append(f"{target.target}: every value as on this host")
            continue
        lines.append(
            f"{target.target}: {found.psnr:.1f} dB against {itself} on this host (higher is nearer)"
            f", {share(found.equal)} of values equal, {share(found.within_1)} "
            f"within one level, largest difference {found.largest}"
        )
    return lines


def gpu_lines(report: Report) -> list[str]:
    """Return the PSNR of each file in LiteRT's GPU kernels, in float16 and in float32."""
    lines = []
    for target in report.targets:
        found = target.gpu
        if isinstance(found, Skipped):
            continue
        height, width = found.size
        said = {
            "right": "right",
            "coarse": "right, and float16 too coarse for it",
            "wrong": "wrong, whatever the precision",
        }
        lines.append(
            f"{target.target} by {found.runtime}, on {found.image} {height}x{width}: "
            f"{found.float16:.1f} dB against this host in the float16 that phones' GPUs use, "
            f"{found.float32:.1f} in float32: {said[found.verdict]}"
        )
        if found.operator != NOT_BISECTED:
            what = found.operator
            words = f"bisect: {what.reason}" if isinstance(what, Skipped) else str(what)
            lines.append(f"{target.target}: {words}")
        elif found.verdict != "right":
            lines.append(f"{target.target}: {NOT_BISECTED.reason}")
    return lines


def builtin_kernel_lines(report: Report) -> list[str]:
    """Return the PSNR of int8 TFLite files in TFLite's built-in kernels, without XNNPACK."""
    lines = []
    for target in report.targets:
        found = target.builtin_kernels
        if isinstance(found, Skipped):
            continue
        largest = f"largest difference {found.agreement.largest}"
        lines.append(
            f"{target.target} by TFLite's own kernels: vs float "
            f"{fidelity(found.vs_reference)} on the first "
            f"{count_of(found.images, 'image')}, by XNNPACK {fidelity(found.xnnpack)}; "
            f"{share(found.agreement.within_1)} of values within one level, {largest}"
        )
    return lines


def memory_lines(report: Report) -> list[str]:
    """Return the peak activation memory of the files, a line per image size."""
    needs: dict[tuple[int, int], list[str]] = {}
    for target in report.targets:
        memory = target.memory
        if not isinstance(memory, Skipped):
            kind = memory.operator.split()[0]
            words = f"{target.target} {byte_count(memory.bytes)} at {kind}"
            needs.setdefault(memory.size, []).append(words)
    return [
        f"activations alive at once, {height}x{width}: {', '.join(words)}"
        for (height, width), words in needs.items()
    ]
