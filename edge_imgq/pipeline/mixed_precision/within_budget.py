"""Report that a scheme with automatic mixed precision needed none, and whether int8 is faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_imgq.devices.kernels import estimated_profile
from edge_imgq.pipeline.mixed_precision.estimated_times import at_size, float_file_time
from edge_imgq.pipeline.mixed_precision.mixed_times import float_recipe
from edge_imgq.report.diagnosis import ALL_INT8, CLEARLY
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.pipeline.export.write_targets import ExportPlan
    from edge_imgq.quantize.quantize import Quantized


def within_budget(quantized: Quantized, plan: ExportPlan, scheme: str) -> Skipped:
    """Return the reason why no layer is kept in float; advise a float file if int8 is no faster.

    A network whose gates and norms compute in float in any case may take as long in int8 as in
    float, which loses nothing. Times are estimates for a processor with 8-bit products.

    Args:
        quantized: quantized graph with its float graph.
        plan: plan of the export.
        scheme: scheme whose files are within budget.

    Raises:
        ModelError: the model does not fit the size.
        RecipeError: a recipe cannot be read.
    """
    from edge_imgq.quantize.mixed_precision.layer_time import LayerTimes

    recipes = [recipe for recipe in plan.recipes if recipe.scheme == scheme]
    size, profile = plan.sizes[recipes[0].name][0], estimated_profile()
    in_float = float_file_time(plan.source, size, profile)
    if in_float is None:
        return ALL_INT8
    share = LayerTimes(at_size(quantized.original, size).graph, profile).plain / in_float
    if share * CLEARLY <= 1:
        return ALL_INT8
    names = sorted({recipe.name for recipe in map(float_recipe, recipes) if recipe is not None})
    return Skipped(
        f"{ALL_INT8.reason}; but they take an estimated {share:.2f} times as long as a float file "
        f"({profile.name}), which loses nothing: ship {', '.join(names) or 'a float file'}"
    )
