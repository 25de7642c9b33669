"""Whether a file stays within what its recipe allows it to lose."""

from __future__ import annotations

from edge_imgq.recipe.export import Budget
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Agreement, Drift, Drop
from edge_imgq.verify.output_range import OutputRange

LEAST_VS_HOST = 45.0
"""dB that a device whose arithmetic is its own must keep to the same file on this host. One level
of difference everywhere is 48.1 dB."""

MOST_NEARER = 3.0
"""dB that int8 may be nearer to the float model than a device to this host, where the device only
rounds otherwise: two errors of the same size and no relation are 3 dB more than one."""

IN_FLOAT16 = Budget(psnr_drop=0.05, psnr_drop_worst=0.1, psnr_vs_reference=50.0)
"""What a float file may lose in the float16 that a GPU computes in, whatever its recipe allows on a
processor: fsrcnn-x2 loses .014 dB by that alone."""

MOST_WITHOUT_XNNPACK = 1.0
"""dB that an int8 file may be farther from the float reference where its app has no XNNPACK, before
its budget counts there too: roundings alone are some tenths."""


MOST_BY_CONVERSION = 0.1
"""dB that a file may be farther from the float reference than its graph, in the mean and in the
worst image, where the graph computes in float between integers: no share of its values is asked for
then. Runtimes' floats differ in their last digits, so a level turns over now and then, and a deep
network spreads that."""


def breaches(
    drift: Drift, budget: Budget, bit_exact: bool = False, *, in_float: bool = False
) -> tuple[str, ...]:
    """Return one sentence for every limit that the drift exceeds.

    A drop that could not be measured is not a breach here; the report shows why it is missing, and
    the PSNR against the reference is always there. Where the file ran on another device, its
    distance to this host is held to a limit instead of the conversion, which is the lowering's.
    The PSNR against the reference is held to the budget in TFLite's own kernels as well.

    Args:
        drift: what was measured.
        budget: of the recipe.
        bit_exact: whether the device must return this host's values, all of them.
        in_float: whether the graph that the file was lowered from computes in float in places.
    """
    found = _device_breaches(drift, bit_exact)
    if isinstance(drift.drop, Drop):
        if drift.drop.mean > budget.psnr_drop:
            found.append(
                f"loses {drift.drop.mean:.3f} dB in the mean; the budget is {budget.psnr_drop:g}"
            )
        if drift.drop.worst > budget.psnr_drop_worst:
            found.append(
                f"loses {drift.drop.worst:.3f} dB on {drift.drop.worst_image}; the budget for the "
                f"worst image is {budget.psnr_drop_worst:g}"
            )
    if drift.vs_reference.mean < budget.psnr_vs_reference:
        found.append(
            f"is {drift.vs_reference.mean:.2f} dB against the float reference; the budget asks for "
            f"{budget.psnr_vs_reference:g}"
        )
    found += [
        f"is {other.vs_reference.mean:.2f} dB against the float reference in '{other.numbers.port}'"
        f"; the budget asks for {budget.psnr_vs_reference:g}"
        for other in drift.others
        if other.vs_reference.mean < budget.psnr_vs_reference
    ]
    found += _builtin_breaches(drift, budget)
    on_host, least = not isinstance(drift.vs_host, Agreement), budget.conversion_within_1
    lost = least is not None and drift.conversion.within_1 < least
    if on_host and lost and not (in_float and _as_near_as_its_graph(drift)):
        found.append(
            f"has {drift.conversion.within_1:.3%} of values within one level of the graph that it "
            f"was lowered from; the budget asks for {least:.3%}"
        )
    return tuple(found)


def _as_near_as_its_graph(drift: Drift) -> bool:
    graph, file = drift.quantization, drift.vs_reference
    if isinstance(graph, Skipped):
        return False
    return max(graph.mean - file.mean, graph.worst - file.worst) <= MOST_BY_CONVERSION


def _builtin_breaches(drift: Drift, budget: Budget) -> list[str]:
    """Return what TFLite's own kernels break that XNNPACK keeps; roundings alone do not count."""
    found, least = drift.builtin_kernels, budget.psnr_vs_reference
    if isinstance(found, Skipped) or drift.vs_reference.mean < least:
        return []
    own, xnnpack = found.vs_reference.mean, found.xnnpack.mean
    if own >= least or xnnpack - own <= MOST_WITHOUT_XNNPACK:
        return []
    return [
        f"is {own:.2f} dB against the float reference in TFLite's own kernels and {xnnpack:.2f} in "
        f"XNNPACK, on the same images; the budget asks for {least:g}"
    ]


def no_picture(found: OutputRange | Skipped) -> tuple[str, ...]:
    """Return a sentence where the float model's values are no picture, whatever a file's budget.

    Such a file is as the float model and yet of no use: pixels keep none of what is clipped.
    """
    if isinstance(found, Skipped) or found.is_picture:
        return ()
    return (
        f"clips {_shares(found)}: they are no picture. If the network returns the noise of the "
        "image, subtract it inside the model; if its pixels have another range, say so with "
        "--range. dB are against the values as they are, unclipped",
    )


def clipped(found: OutputRange | Skipped) -> tuple[str, ...]:
    """Return a sentence where pixels clip much of a picture, in every file alike."""
    if isinstance(found, Skipped) or not found.is_clipped:
        return ()
    return (
        f"Every file clips {_shares(found)}. dB are those of the clipped picture. If the network's "
        "pixels have another range, say so with --range.",
    )


def _shares(found: OutputRange) -> str:
    return (
        f"{found.below + found.above:.1%} of the network's values, {found.below:.1%} below the "
        f"range of its pixels and {found.above:.1%} above, and with them {found.lost:.0%} of what "
        "varies"
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
    if vs_host.psnr < LEAST_VS_HOST:
        return [
            f"is {vs_host.psnr:.2f} dB against what this host computes; the device may be "
            f"{LEAST_VS_HOST:g}{_coarse_anywhere(drift, vs_host)}"
        ]
    return []


def _coarse_anywhere(drift: Drift, vs_host: Agreement) -> str:
    """Return that int8 itself is no nearer to the float model than the device to this host.

    Two processors that round a little otherwise then differ by what each differs from the float
    model, and neither is wrong.
    """
    graph = drift.quantization
    if isinstance(graph, Skipped) or graph.mean > vs_host.psnr + MOST_NEARER:
        return ""
    return (
        f". In int8 the network is {graph.mean:.2f} dB against its float reference on this host "
        "too, so rounding is coarse for it anywhere: mend that first"
    )
