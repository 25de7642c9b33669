"""Whether a file stays within what its recipe allows it to lose."""

from __future__ import annotations

from edge_imgq.recipe.export import Budget
from edge_imgq.verify.drift import Drift, Drop


def breaches(drift: Drift, budget: Budget) -> tuple[str, ...]:
    """Return one sentence for every limit that the drift exceeds.

    A drop that could not be measured is not a breach here; the report shows why it is missing, and
    the PSNR against the reference is always there.
    """
    found = []
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
            f"is {drift.vs_reference.mean:.2f} dB from the float reference; the budget asks for "
            f"{budget.psnr_vs_reference:g}"
        )
    if drift.conversion.within_1 < budget.conversion_within_1:
        found.append(
            f"has {drift.conversion.within_1:.3%} of values within one level of the graph that it "
            f"was lowered from; the budget asks for {budget.conversion_within_1:.3%}"
        )
    return tuple(found)
