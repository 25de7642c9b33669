"""Text form of the diagnosis of an int8 graph that is over budget."""

from __future__ import annotations

import textwrap

from edge_imgq.report.diagnosis import Diagnosis, FileTimes, MixedPrecision
from edge_imgq.report.drawing import WIDTH, wrapped
from edge_imgq.skipped import Skipped
from edge_imgq.wording import count_of


def diagnosis_text(scheme: str, diagnosis: Diagnosis) -> str:
    """Return which layers cause the loss of an int8 graph, and a remedy, as text.

    Each layer has its share of the loss in percent; the remedy has PSNR in dB and estimated times.
    At most 80 columns, long words apart.

    Args:
        scheme: Name of the quantization recipe.
        diagnosis: Diagnosis of its graph.
    """
    return "\n".join([*_causes(scheme, diagnosis), *_cure(diagnosis)])


def _causes(scheme: str, diagnosis: Diagnosis) -> list[str]:
    if not diagnosis.layers:
        return [f"{scheme}: no layer makes a tenth of the loss; all lose some."]
    lines = [
        f"  {layer.name} ({layer.kind}): {layer.output:.0%} by rounding what it writes, "
        f"{layer.weights:.0%} by its weights"
        for layer in diagnosis.layers
    ]
    share = sum(layer.output + layer.weights for layer in diagnosis.layers)
    head = (
        "most of the loss is made by"
        if share > 0.5
        else "many layers make the loss; the largest shares have"
    )
    return [f"{scheme}: {head}", *(wrapped(line, "    ") for line in lines)]


def _cure(diagnosis: Diagnosis) -> list[str]:
    mixed = diagnosis.mixed_precision
    if isinstance(mixed, Skipped):
        return [wrapped(f"{mixed.reason}.")]
    if mixed.recipe:
        return _done(mixed)
    said = wrapped(
        f"{count_of(len(mixed.layers), 'layer')} in float ({', '.join(mixed.layers)}) would bring "
        f"it within budget (about {mixed.psnr:.1f} dB against the float model on calibration "
        f"patches, now {diagnosis.psnr:.1f}), {_price(mixed)}{':' if mixed.commands else '.'}"
    )
    return [said, *(_command(command) for command in mixed.commands)]


def _done(mixed: MixedPrecision) -> list[str]:
    """Return the result of keeping layers in float, and the breaches of the all-int8 files."""
    names = ", ".join(mixed.layers)
    lines = [
        f"{count_of(len(mixed.layers), 'layer')} in float ({names}), as {mixed.recipe} beside the "
        f"files says: {mixed.psnr:.1f} dB against the float model on calibration patches, "
        f"{_price(mixed)}. With all layers in int8:"
    ]
    lines += [f"  {breach}" for breach in mixed.int8_breaches]
    lines += [_timed(times) for times in mixed.measured]
    return [wrapped(line, "    ") for line in lines]


def slow_file(times: FileTimes) -> str:
    """Return the measured times in ms of a mixed, a float and an int8 file, as a clause.

    Such as "tflite-int8 would take 5.10 ms on this host, tflite-float 5.30 ms, all layers in int8
    3.20 ms".
    """
    return (
        f"{times.target} would take {times.mixed_ms:.2f} ms on this host, {times.float_target} "
        f"{times.float_ms:.2f} ms, all layers in int8 {times.int8_ms:.2f} ms"
    )


def _timed(times: FileTimes) -> str:
    if not times.is_kept:
        return f"{slow_file(times)}: it stays int8. Ship {times.float_target}."
    return (
        f"{times.target} takes {times.mixed_ms:.2f} ms on this host, with all layers in int8 "
        f"{times.int8_ms:.2f} ms, {times.float_target} {times.float_ms:.2f} ms."
    )


def _price(mixed: MixedPrecision) -> str:
    price = f"at an estimated {mixed.time:.1f} times the time of int8"
    if isinstance(mixed.time_in_float, Skipped):
        return price
    return f"{price}, where a float file takes {mixed.time_in_float:.1f} times"


def _command(command: str) -> str:
    """Return a command to copy, wrapped with backslashes."""
    lines = textwrap.wrap(command, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return " \\\n".join(f"{'    ' if index else '  '}{line}" for index, line in enumerate(lines))
