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
    """Return a line per file that ran on a device or was compiled for one: what runs where.

    It counts the accelerator's operators and partitions and names the operators that fall back.
    Lines are not wrapped; [] if there are none.
    """
    return [_placed(target) for target in report.targets if not _is_of_host(report, target)]


def fallback_lines(report: Report) -> list[str]:
    """Return a line per file that ran on this host and has operators outside its delegate.

    It counts the delegate's operators and partitions and names the others. Lines are not wrapped;
    [] if there are none.
    """
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
    placement = target.placement
    assert not isinstance(placement, Skipped)
    taken = f"{placement.delegated} of {placement.operators} operators on {placement.unit}"
    rest = f", in {count_of(placement.partitions, 'partition')}"
    left = [
        f"{count} × {kind}{EXPECTED.get(kind, '')}"
        for kind, count in Counter(placement.fallback).items()
    ]
    return f"{target.target}: {taken}{rest}" + (f", not {', '.join(left)}" if left else "")


def agreement_lines(report: Report) -> list[str]:
    """Return a line per file that ran on a device: how far it is from the same file on this host.

    It has PSNR in dB, the shares of equal values and of those within one level, and the largest
    difference in levels. A file that is compiled for an NPU and emulated here is compared with its
    graph. Lines are not wrapped; [] if there are none.
    """
    itself = "its graph" if report.device == "host" else "itself"
    lines = []
    for target in report.targets:
        agreement = target.vs_host
        if isinstance(agreement, Skipped):
            continue
        if agreement.equal == 1:
            lines.append(f"{target.target}: every value as on this host")
            continue
        lines.append(
            f"{target.target}: {agreement.psnr:.1f} dB against {itself} on this host "
            f"(higher is nearer), {share(agreement.equal)} of values equal, "
            f"{share(agreement.within_1)} within one level, largest difference {agreement.largest}"
        )
    return lines


def gpu_lines(report: Report) -> list[str]:
    """Return lines on each file that ran in LiteRT's GPU kernels, with the verdict on it.

    They have the PSNR in dB against this host on one image, in float16 and in float32, and the
    result of a bisection. Lines are not wrapped; [] if there are none.
    """
    lines = []
    for target in report.targets:
        drift = target.gpu
        if isinstance(drift, Skipped):
            continue
        height, width = drift.size
        said = {
            "right": "right",
            "coarse": "right, and float16 too coarse for it",
            "wrong": "wrong, whatever the precision",
        }
        lines.append(
            f"{target.target} by {drift.runtime}, on {drift.image} {height}x{width}: "
            f"{drift.float16:.1f} dB against this host in the float16 that phones' GPUs use, "
            f"{drift.float32:.1f} in float32: {said[drift.verdict]}"
        )
        if drift.operator != NOT_BISECTED:
            what = drift.operator
            words = f"bisect: {what.reason}" if isinstance(what, Skipped) else str(what)
            lines.append(f"{target.target}: {words}")
        elif drift.verdict != "right":
            lines.append(f"{target.target}: {NOT_BISECTED.reason}")
    return lines


def builtin_kernel_lines(report: Report) -> list[str]:
    """Return a line per int8 TFLite file that ran in TFLite's built-in kernels.

    It has PSNR against the float model in dB, mean and worst, there and in XNNPACK, and how far the
    two differ in levels. Lines are not wrapped; [] if there are none.
    """
    lines = []
    for target in report.targets:
        kernels = target.builtin_kernels
        if isinstance(kernels, Skipped):
            continue
        largest = f"largest difference {kernels.agreement.largest}"
        lines.append(
            f"{target.target} by TFLite's own kernels: vs float "
            f"{fidelity(kernels.vs_reference)} on the first "
            f"{count_of(kernels.images, 'image')}, by XNNPACK {fidelity(kernels.xnnpack)}; "
            f"{share(kernels.agreement.within_1)} of values within one level, {largest}"
        )
    return lines


def memory_lines(report: Report) -> list[str]:
    """Return the peak activation memory of the files, a line per image size.

    It is in B, kB or MB, with the operator at the peak. Lines are not wrapped; [] if none is known.
    """
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
