"""Text that `--explain` adds: legend, placement, memory, calibration and quantizer steps."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.quantize.error_model.level_gain import LevelGain
from edge_imgq.quantize.steps.quantization_step import QuantizationStep
from edge_imgq.report.execution_text import builtin_kernel_lines, fallback_lines, memory_lines
from edge_imgq.report.format_metrics import share
from edge_imgq.report.report import Report
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import AS_ITS_GRAPH

AMPLIFYING_LEVELS = 8
"""Image levels per level of a tensor from which the tensor counts as amplifying: a rounding error
of half a level would be visible."""

LEGEND = (
    "dB as mean/worst image. vs float: PSNR of the file's images against the float model's. "
    "drop: PSNR lost against the truth. quantized: the quantized graph against the float model. "
    "converted: values within one level of the graph that the file was made from, and the largest "
    "difference in levels. ms: median/90th percentile. budget: what the files above it are held to."
)


def explanations(report: Report) -> list[str]:
    """Return what --explain adds to a report: legend, placement, memory, calibration and steps.

    Each entry is a paragraph that is not wrapped; the legend is always the first.
    """
    lines = [LEGEND, *fallback_lines(report), *builtin_kernel_lines(report)]
    lines += memory_lines(report)
    if report.calibration:
        lines.append(f"calibration: {report.calibration}")
    lines += _apart(report)
    lines += [steps_text(scheme.scheme, scheme.steps) for scheme in report.schemes]
    return [*lines, *_several_sizes(report)]


def steps_text(scheme: str, steps: Sequence[QuantizationStep]) -> str:
    """Return the gain of each quantizer step in dB of PSNR on held-out patches, as a line.

    The first step has its PSNR itself. Steps that did not raise the PSNR were undone and are marked
    "not kept"; those that did not run follow with the reason.

    Args:
        scheme: Name of the quantization recipe.
        steps: Steps in order.
    """
    reached, gains = 0.0, list[str]()
    not_run: dict[str, list[str]] = {}
    for step in steps:
        if isinstance(step.psnr, Skipped):
            not_run.setdefault(step.psnr.reason, []).append(step.name)
            continue
        # Adding zero turns a rounded -0.0 into 0.0.
        gain = f"{round(step.psnr - reached, 1) + 0:+.1f}" if gains else f"{step.psnr:.1f} dB"
        gains.append(f"{step.name} {gain}" if step.kept else f"{step.name} {gain} (not kept)")
        reached = step.psnr if step.kept else reached
    skipped = "".join(f"; not run: {', '.join(s)} ({reason})" for reason, s in not_run.items())
    return f"{scheme}, on held-out calibration patches: {', '.join(gains)}{skipped}"


def _apart(report: Report) -> list[str]:
    """Return a line per int8 file with many values more than one level from its graph.

    The line names the amplifying tensor. Files over budget get no more, since their breaches
    explain the difference.
    """
    lines = []
    for target in report.targets:
        conversion, tensor = target.conversion, _amplified(target.amplified)
        if conversion.within_1 >= AS_ITS_GRAPH or isinstance(target.quantization, Skipped):
            continue
        within = (
            f"{share(conversion.within_1)} of values within one level of the quantized graph; its "
            "format rounds elsewhere than the graph does. What that costs is in the dB of vs float "
            "and drop, and those are within budget"
        )
        said = [*([] if target.breaches else [within]), *([tensor] if tensor else [])]
        lines += [f"{target.target}: {'. '.join(said)}"] if said else []
    return lines


def _amplified(gain: LevelGain | Skipped) -> str:
    """Return a sentence on the tensor that amplifies rounding errors most, or ""."""
    if isinstance(gain, Skipped):
        return ""
    tensor = f"'{gain.tensor}' ({gain.operator})"
    if gain.levels >= AMPLIFYING_LEVELS:
        return (
            f"One level of {tensor} becomes up to {gain.levels:.0f} levels of the image: eight "
            "bits are few there. Keep the layers beside it in float (docs/int8.md, Layers in "
            "float)"
        )
    return (
        f"No tensor amplifies one level much (most: {tensor}, up to {gain.levels:.1f}): a level "
        "that flips makes others flip in later layers, nearer to the float model as often as not"
    )


def _several_sizes(report: Report) -> list[str]:
    """Return a line per file with several input sizes."""
    return [
        f"{target.target}: dB over the images at all of its sizes, "
        + ", ".join(f"{height}x{width}" for height, width in target.sizes)
        for target in report.targets
        if len(target.sizes) > 1
    ]
