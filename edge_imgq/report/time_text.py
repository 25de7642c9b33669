"""Text on where and under which conditions times were measured."""

from __future__ import annotations

from edge_imgq.devices.instructions import Instructions
from edge_imgq.devices.latency import Latency
from edge_imgq.devices.load import QUIET
from edge_imgq.report.drawing import large_count
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.skipped import Skipped
from edge_imgq.wording import count_of

DISTURBED = "this machine was not quiet, compare no times; --json says what disturbed each"


def runtime_lines(report: Report) -> list[str]:
    """Return lines on where each file ran and was timed, and on what disturbed its time.

    Files of equal runtime and device share a line. Lines are not wrapped.
    """
    lines = [f"{where}: {', '.join(targets)}" for where, targets in _by_runtime(report).items()]
    return [*lines, *_conditions(report)]


def count_lines(report: Report) -> list[str]:
    """Return a line per file with its instruction count for one image, if the device counts them.

    Lines are not wrapped; [] if there are none.
    """
    return [
        f"{target.target}: {counted(target.instructions)}"
        for target in report.targets
        if not isinstance(target.instructions, Skipped)
    ]


def counted(instructions: Instructions) -> str:
    """Return an instruction count for one image as text, with its processor and image size.

    Such as "12.5 M instructions of a Cortex-A76 for one image of 180x320", with three digits.
    """
    height, width = instructions.size
    return (
        f"{large_count(instructions.count)} instructions of a {instructions.processor} for one "
        f"image of {height}x{width}"
    )


def _by_runtime(report: Report) -> dict[str, list[str]]:
    """Return targets by the text on where they ran."""
    groups: dict[str, list[str]] = {}
    for target in report.targets:
        where = f"run by {target.runtime}"
        if isinstance(target.latency, Latency):
            where = f"timed by {timed_where(target.latency)}"
        groups.setdefault(where, []).append(_with_runs(target))
    return groups


def _with_runs(target: TargetReport) -> str:
    latency = target.latency
    if not isinstance(latency, Latency):
        return target.target
    return f"{target.target} ({latency.runs} runs after {latency.warm_up} to warm up)"


def _conditions(report: Report) -> list[str]:
    """Return a line per measurement condition, with the files that it applies to.

    If several different disturbances occurred, they share one line; `bench` lists them.
    """
    groups: dict[str, list[str]] = {}
    timed = {t.target: t.latency for t in report.targets if isinstance(t.latency, Latency)}
    disturbances = {latency.conditions for latency in timed.values() if latency.disturbed}
    for target, latency in timed.items():
        said = DISTURBED if latency.disturbed and len(disturbances) > 1 else remark(latency)
        if said:
            groups.setdefault(said, []).append(target)
    return [f"{', '.join(targets)}: {said}" for said, targets in groups.items()]


def remark(latency: Latency) -> str:
    """Return what was noted on the machine during a time measurement; "" if it was quiet."""
    return "" if latency.conditions == QUIET else latency.conditions


def timed_where(latency: Latency) -> str:
    """Return where a time was measured: runtime, input size, threads and device.

    Such as "LiteRT 2.3.0 (XNNPACK), 180x320, 2 threads, DEVICE".
    """
    threads = count_of(latency.threads, "thread")
    return f"{latency.runtime}, {latency.size[0]}x{latency.size[1]}, {threads}, {latency.device}"
