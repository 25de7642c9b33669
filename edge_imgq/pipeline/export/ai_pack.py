"""Write the files for NPUs as an AI pack of Google Play."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import remove
from edge_imgq.chips import CHIPS, Chip
from edge_imgq.errors import UsageError
from edge_imgq.export.npu.ai_pack import pack_name, write_ai_pack
from edge_imgq.pipeline.export.write_targets import ExportPlan, TargetJob, target_jobs
from edge_imgq.recipe.export import ExportRecipe, sized_target

if TYPE_CHECKING:
    from edge_imgq.report.report import Report


def recipe_of_pack(recipes: Sequence[ExportRecipe]) -> ExportRecipe:
    """Return the single recipe for NPUs among the recipes of an export.

    Raises:
        UsageError: there is none or more than one; a pack has one file per device.
    """
    for_chips = [recipe for recipe in recipes if recipe.chips]
    if not for_chips:
        raise UsageError(
            "An AI pack holds files for the NPUs of chips, and no requested target makes "
            "any. Name one that does: --target tflite-npu."
        )
    if len(for_chips) > 1:
        names = ", ".join(recipe.name for recipe in for_chips)
        raise UsageError(
            f"An AI pack holds the files of one target, and {names} are several: name one of them."
        )
    return for_chips[0]


def write_pack(plan: ExportPlan, folder: Path, report: Report, output: Path) -> None:
    """Write the AI pack of a finished export; none if no file for a chip exists.

    Args:
        plan: plan of the export.
        folder: folder of the model's files.
        report: report; chips with a failed file are left out.
        output: folder of the pack; an earlier pack is removed if there is nothing to write.

    Raises:
        UsageError: as for `recipe_of_pack`.
        OutputError: the pack cannot be written.
    """
    failed = {target.target for target in report.failed}
    recipe = recipe_of_pack(plan.recipes)
    own = [work for work in target_jobs(plan, folder) if work.recipe is recipe]
    without = {work.processor for work in own if work.target in failed}
    kept = [work for work in own if work.processor not in without]
    name = pack_name(plan.source.name)
    if not any(work.processor in CHIPS for work in kept) or "cpu" in without:
        remove(output / name)
        return
    sized = len({work.sizes for work in own}) > 1
    files: dict[str, tuple[Path, dict[Path, Chip]]] = {}
    for work in (work for work in kept if work.processor == "cpu"):
        files[_asset(recipe, work, sized)] = (work.path, {})
    for work in (work for work in kept if work.processor in CHIPS):
        files[_asset(recipe, work, sized)][1][work.path] = CHIPS[work.processor]
    write_ai_pack(output, name, files)


def _asset(recipe: ExportRecipe, work: TargetJob, sized: bool) -> str:
    """Return a file's name in the pack, equal for all devices."""
    return sized_target(recipe.name, work.sizes[0]) if sized else recipe.name
