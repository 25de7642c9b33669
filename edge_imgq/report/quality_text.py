"""Lines of a report on quality against ground truth, value ranges and colour casts."""

from __future__ import annotations

from edge_imgq.ports import Port
from edge_imgq.report.report import Report
from edge_imgq.skipped import Skipped
from edge_imgq.verify.port_error import PortError
from edge_imgq.wording import count_of

VISIBLE = 0.5
"""Signed mean error in levels from which a report mentions it."""

CHANNELS = {1: ("",), 3: ("red", "green", "blue")}


def quality_lines(report: Report) -> list[str]:
    """Return the PSNR in dB of the float model and of its input against ground truth.

    Lines are not wrapped; one per group of targets with equal values, [] without ground truth. The
    input is enlarged by bicubic interpolation for super-resolution.
    """
    input_words = "its input" if report.contract.scale == 1 else "bicubic"
    groups: dict[str, list[str]] = {}
    for target in report.targets:
        drop = target.drop
        if isinstance(drop, Skipped):
            continue
        line = f"float model {drop.reference_psnr:.2f} dB, {input_words} {drop.input_psnr:.2f}"
        groups.setdefault(line, []).append(target.target)
    if len(groups) == 1:
        return [f"against the truth: {line}" for line in groups]
    return [
        f"against the truth, on the images of {', '.join(targets)}: {line}"
        for line, targets in groups.items()
    ]


def network_warnings(report: Report) -> tuple[str, ...]:
    """Return warnings on the network itself: pixel range, and quality below that of the input.

    They are those of `wrong_range` and `worse_than_input`, without "! " at the beginning; () if
    there are none.
    """
    lines = (*wrong_range(report), *worse_than_input(report))
    return tuple(line.removeprefix("! ") for line in lines)


def wrong_range(report: Report) -> list[str]:
    """Return a warning if the model seems to expect another pixel range.

    One line that begins with "! " and is not wrapped; [] if it does not.
    """
    return [f"! {report.range_warning}"] if report.range_warning else []


def changed_files(report: Report) -> list[str]:
    """Return a warning for each file that was changed after its export; each begins with "! "."""
    return [f"! {changed.warning}" for changed in report.changed_files]


def worse_than_input(report: Report) -> list[str]:
    """Return a warning if the float model has lower PSNR against the truth than its input.

    The input is enlarged by bicubic interpolation for super-resolution. One line that begins with
    "! " and is not wrapped; [] if it has not, or there is no truth.
    """
    drops = [target.drop for target in report.targets if not isinstance(target.drop, Skipped)]
    worse = [drop for drop in drops if drop.reference_psnr < drop.input_psnr]
    if not worse:
        return []
    without = "the input itself" if report.contract.scale == 1 else "bicubic"
    return [
        f"! the network is worse than none: {worse[0].reference_psnr:.2f} dB against the truth, "
        f"{without} {worse[0].input_psnr:.2f}"
    ]


def beyond_port(report: Report) -> list[str]:
    """Return warnings on values of outputs other than images outside the range that files keep.

    One line per output, with the share in percent. It begins with "! " and is not wrapped; [] if
    there are none.
    """
    beyond, port = report.output_range, report.contract.result
    beside = _others_beyond(report)
    if report.contract.returns_image or port is None or isinstance(beyond, Skipped):
        return beside
    share = beyond.below + beyond.above
    if share == 0:
        return beside
    return [
        f"! {100 * share:.2g} % of the numbers of '{port.name}' lie outside the range that it was "
        f"given, {100 * beyond.below:.2g} % below and {100 * beyond.above:.2g} % above: int8 files "
        "clip them, and dB do not show it. Say the range that they have: --output-name "
        f"{port.name}={port.kind}:LOW..HIGH",
        *beside,
    ]


def _others_beyond(report: Report) -> list[str]:
    """Return such warnings for the further outputs, one per port."""
    shares = {
        (other.numbers.port, other.kind): other.beyond
        for target in report.targets
        for other in target.others
        if other.beyond > 0
    }
    return [
        f"! {100 * share:.2g} % of the numbers of '{port}' lie outside the range that files keep "
        "them in: int8 files clip them, and dB do not show it. Say what they are and which range "
        f"they have: --output-name {port}={'plane' if kind == 'image' else kind}:LOW..HIGH"
        for (port, kind), share in shares.items()
    ]


def tint_lines(report: Report) -> list[str]:
    """Return a line per file with a visible mean error of colour or brightness, in levels.

    It lists the channels' signed errors overall and in flat dark and bright areas, if one is 0.5
    levels or more. Lines are not wrapped; [] if there are none, or the result is not an image.
    """
    lines = []
    for target in report.targets if report.contract.returns_image else ():
        error = target.mean_error
        areas = {"overall": error.overall, "in flat dark areas": error.dark}
        areas["in flat bright areas"] = error.bright
        said = [
            f"{levels(values)} {area}"
            for area, values in areas.items()
            if not isinstance(values, Skipped) and max(map(abs, values)) >= VISIBLE
        ]
        if said:
            lines.append(f"{target.target}: off in the mean by {'; '.join(said)} (levels)")
    return lines


def number_lines(report: Report) -> list[str]:
    """Return lines on further inputs and outputs, and on results other than pictures.

    They say which of the model's own numbers the levels stand for, and the border in pixels that
    the network leaves out. By target follow the errors against the float model: relative to the
    norm in percent, the largest one in the model's own unit and relative to its range, PSNR of
    further outputs in dB, and PSNR after some frames. Lines are not wrapped; [] if none of these
    applies.
    """
    contract, result = report.contract, report.contract.result
    lines = [_stated(port, contract.peak) for port in contract.further]
    if contract.border:
        lines.append(
            f"the network leaves out a border: its files mirror the image out by "
            f"{count_of(contract.border, 'pixel')} on each side before anything else"
        )
    results = [*([] if result is None or contract.returns_image else [result]), *contract.others]
    lines += [_stated(port, contract.peak) for port in results]
    for target in report.targets:
        if not isinstance(target.numbers, Skipped):
            errors = target.numbers
            lines.append(f"{target.target}: {errors.port} {_off(errors)}")
        for other in target.others:
            near, name = other.vs_reference, other.numbers.port
            decibel = f"{near.mean:.1f}/{near.worst:.1f} dB against the float model"
            off = "" if other.kind == "image" else f", {_off(other.numbers)}"
            lines.append(f"{target.target}: {name} {decibel}{off}")
        if target.growth:
            after = ", ".join(f"{g.vs_reference:.1f} after {g.frames}" for g in target.growth)
            lines.append(f"{target.target}: dB by frames: {after}")
    return lines


def _off(errors: PortError) -> str:
    return (
        f"off by {errors.relative:.2%} of its norm, at most {errors.largest:.3g} "
        f"({errors.of_range:.2%} of its range)"
    )


def _stated(port: Port, peak: float) -> str:
    """Return the values that the range of a port in files and bytes stands for."""
    handed = f", handed on from '{port.fed_by}' and {_begins(port)}" if port.fed_by else ""
    ends = ", ".join(f"{low:g} to {high:g}" for low, high in zip(port.low, port.high, strict=True))
    return f"{port}: in files 0 to {peak:g}, in bytes 0 to 255, stand for {ends}{handed}"


def _begins(port: Port) -> str:
    """Return the initial byte of a state, which stands for 0."""
    low, high = port.low[0], port.high[0]
    return f"beginning with byte {abs(low) / (high - low) * 255:.0f}"


def levels(values: tuple[float, ...]) -> str:
    """Format a mean error per channel, in levels of 255: "+0.12 red, -0.03 green, +0.00 blue".

    One channel, and numbers of channels other than three, have no names.
    """
    names = CHANNELS.get(len(values), ("",) * len(values))
    # Adding zero turns a rounded -0.0 into 0.0.
    pairs = [(round(value, 2) + 0, name) for value, name in zip(values, names, strict=True)]
    return ", ".join(f"{value:+.2f} {name}".strip() for value, name in pairs)
