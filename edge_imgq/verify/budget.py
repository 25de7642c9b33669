"""Compare a file's drift with the budget of its recipe."""

from __future__ import annotations

from edge_imgq.recipe.export import Budget
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Agreement, Drift, Drop
from edge_imgq.verify.output_range import OutputRange

MIN_PSNR_VS_HOST = 45.0
"""Least PSNR in dB between a device with its own arithmetic and the same file on this host. A
difference of one level everywhere is 48.1 dB."""

MAX_PSNR_GAP = 3.0
"""dB by which the QDQ graph may be closer to the float model than a device to this host, if the
device only rounds differently: two independent errors of equal size add 3 dB."""

IN_FLOAT16 = Budget(psnr_drop=0.05, psnr_drop_worst=0.1, psnr_vs_reference=50.0)
"""Budget of a float file in the float16 arithmetic of a GPU, whatever its recipe's budget: the
arithmetic alone costs fsrcnn-x2 0.014 dB."""

MAX_BUILTIN_KERNEL_LOSS = 1.0
"""Loss in dB against the float reference, compared with XNNPACK, from which an int8 file's budget
also applies to TFLite's built-in kernels. Rounding alone costs some tenths."""


MAX_CONVERSION_LOSS = 0.1
"""dB by which a file may be farther from the float reference than its graph, on average and on the
worst image, if the graph computes partly in float. The share of values within one level is then not
checked: floats of runtimes differ in the last digits, so a level flips occasionally, and a deep
network spreads the difference."""


def breaches(
    drift: Drift, budget: Budget, bit_exact: bool = False, *, in_float: bool = False
) -> tuple[str, ...]:
    """Return one sentence per limit of the budget that the drift exceeds; () if none.

    A drop that was not measured is no breach; the report states the reason, and the PSNR against
    the reference is always checked, of further outputs and in TFLite's built-in kernels too. For a
    file that ran on another device, the distance to this host is limited instead of the conversion:
    to 45 dB of PSNR, or to equality.

    Args:
        drift: measured drift.
        budget: budget of the recipe, in dB and shares.
        bit_exact: True if the device must return exactly this host's values.
        in_float: True if the graph that the file was lowered from computes partly in float; the
            conversion may then lose 0.1 dB instead of a share of values.
    """
    sentences = _device_breaches(drift, bit_exact)
    if isinstance(drift.drop, Drop):
        if drift.drop.mean > budget.psnr_drop:
            sentences.append(
                f"loses {drift.drop.mean:.3f} dB in the mean; the budget is {budget.psnr_drop:g}"
            )
        if drift.drop.worst > budget.psnr_drop_worst:
            sentences.append(
                f"loses {drift.drop.worst:.3f} dB on {drift.drop.worst_image}; the budget for the "
                f"worst image is {budget.psnr_drop_worst:g}"
            )
    if drift.vs_reference.mean < budget.psnr_vs_reference:
        sentences.append(
            f"is {drift.vs_reference.mean:.2f} dB against the float reference; the budget requires "
            f"{budget.psnr_vs_reference:g}"
        )
    sentences += [
        f"is {other.vs_reference.mean:.2f} dB against the float reference in '{other.numbers.port}'"
        f"; the budget requires {budget.psnr_vs_reference:g}"
        for other in drift.others
        if other.vs_reference.mean < budget.psnr_vs_reference
    ]
    sentences += _builtin_breaches(drift, budget)
    on_host, least = not isinstance(drift.vs_host, Agreement), budget.conversion_within_1
    lost = least is not None and drift.conversion.within_1 < least
    if on_host and lost and not (in_float and _as_near_as_its_graph(drift)):
        sentences.append(
            f"has {drift.conversion.within_1:.3%} of values within one level of the graph that it "
            f"was lowered from; the budget requires {least:.3%}"
        )
    return tuple(sentences)


def _as_near_as_its_graph(drift: Drift) -> bool:
    graph, file = drift.quantization, drift.vs_reference
    if isinstance(graph, Skipped):
        return False
    return max(graph.mean - file.mean, graph.worst - file.worst) <= MAX_CONVERSION_LOSS


def _builtin_breaches(drift: Drift, budget: Budget) -> list[str]:
    """Return limits exceeded only in TFLite's built-in kernels; rounding is ignored."""
    builtin, least = drift.builtin_kernels, budget.psnr_vs_reference
    if isinstance(builtin, Skipped) or drift.vs_reference.mean < least:
        return []
    own, xnnpack = builtin.vs_reference.mean, builtin.xnnpack.mean
    if own >= least or xnnpack - own <= MAX_BUILTIN_KERNEL_LOSS:
        return []
    return [
        f"is {own:.2f} dB against the float reference in TFLite's own kernels and {xnnpack:.2f} in "
        f"XNNPACK, on the same images; the budget requires {least:g}"
    ]


def no_picture(output_range: OutputRange | Skipped) -> tuple[str, ...]:
    """Return a sentence if most of the float model's values are outside the pixel range, else ().

    The result of such a model is not a picture (`OutputRange.is_picture`), whatever the file's
    budget: 8-bit pixels cannot hold it. () if it was not measured, too.
    """
    if isinstance(output_range, Skipped) or output_range.is_picture:
        return ()
    return (
        f"clips {_shares(output_range)}: they are no picture. If the network returns the noise of "
        "the image, subtract it inside the model; if its pixels have another range, say so with "
        "--range. dB are against the values as they are, unclipped",
    )


def clipped(output_range: OutputRange | Skipped) -> tuple[str, ...]:
    """Return a sentence if 8-bit pixels clip a large share of a picture's values, else ().

    That is `OutputRange.is_clipped`, the same for every file of the model. () if it was not
    measured, too.
    """
    if isinstance(output_range, Skipped) or not output_range.is_clipped:
        return ()
    return (
        f"Every file clips {_shares(output_range)}. dB are those of the clipped picture. If the "
        "network's pixels have another range, say so with --range.",
    )


def _shares(beyond: OutputRange) -> str:
    return (
        f"{beyond.below + beyond.above:.1%} of the network's values, {beyond.below:.1%} below the "
        f"range of its pixels and {beyond.above:.1%} above, and with them {beyond.lost:.0%} of "
        "what varies"
    )


def _device_breaches(drift: Drift, bit_exact: bool) -> list[str]:
    vs_host = drift.vs_host
    if isinstance(vs_host, Skipped):
        return []
    if bit_exact and vs_host.equal < 1:
        return [
            f"returns other integers than on this host: {1 - vs_host.equal:.4%} of values differ, "
            f"by up to {vs_host.largest} levels"
        ]
    if vs_host.psnr < MIN_PSNR_VS_HOST:
        return [
            f"is {vs_host.psnr:.2f} dB against what this host computes; the device may be "
            f"{MIN_PSNR_VS_HOST:g}{_coarse_anywhere(drift, vs_host)}"
        ]
    return []


def _coarse_anywhere(drift: Drift, vs_host: Agreement) -> str:
    """Return a clause if int8 is as far from the float model as the device from this host.

    Both processors then differ from each other by their distance to the float model, and neither is
    wrong. "" if int8 is closer.
    """
    graph = drift.quantization
    if isinstance(graph, Skipped) or graph.mean > vs_host.psnr + MAX_PSNR_GAP:
        return ""
    return (
        f". In int8 the network is {graph.mean:.2f} dB against its float reference on this host "
        "too, so rounding is coarse for it anywhere: fix that first"
    )
