"""Read the recipes of an export; one that is not valid fails only the targets that need it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge_imgq.artifact import FLOAT_REFERENCE, ORIGINAL
from edge_imgq.errors import RecipeError
from edge_imgq.pipeline.export.failures import Failures
from edge_imgq.recipe.export import ExportRecipe, checked_export
from edge_imgq.recipe.folders import quantize_recipe, selected_recipes
from edge_imgq.recipe.quantize import QuantizeRecipe, checked_quantize
from edge_imgq.recipe.recipe_warning import InvalidRecipeWarning
from edge_imgq.report.report import by_reason


def requested_recipes(
    targets: Sequence[str | ExportRecipe], scheme: str | QuantizeRecipe, failures: Failures
) -> tuple[tuple[ExportRecipe, ...], dict[str, QuantizeRecipe]]:
    """Return the recipes of targets, without duplicates, and their schemes by name.

    Args:
        targets: names, globs or families of recipes, or recipes.
        scheme: quantization recipe for all int8 targets, or its name or path; "" for each target's.
        failures: receives the targets whose recipe, or own scheme, is not valid; they are left out.

    Raises:
        RecipeError: two recipes have one name; a recipe made in Python, or the scheme for all, is
            not valid; or no target is left.
        UsageError: a name selects nothing.
    """
    recipes = _recipes(targets, failures)
    names: dict[str, QuantizeRecipe] = {}
    for name in dict.fromkeys(recipe.scheme for recipe in recipes if recipe.scheme):
        if scheme:
            names[name] = _scheme(scheme)
            continue
        with failures.of([recipe.name for recipe in recipes if recipe.scheme == name]):
            names[name] = _scheme(name)
    kept = [recipe for recipe in recipes if recipe.name not in failures]
    if not kept and failures.reported():
        failures.raise_all()
    schemes = {made.name: made for made in names.values()}
    for taken in (Path(FLOAT_REFERENCE).stem, Path(ORIGINAL).stem):
        if taken in schemes:
            raise RecipeError(
                f"A quantization recipe may not be called '{taken}': a file of reference/ is. Give "
                "it another name."
            )
    return tuple(replace(r, scheme=names[r.scheme].name) if r.scheme else r for r in kept), schemes


def warn_of_invalid(failures: Failures) -> None:
    """Emit an `InvalidRecipeWarning` for each reason why targets were left out.

    Args:
        failures: targets whose recipes are not valid, as `requested_recipes` collects them.
    """
    for reason, failed in by_reason(failures.reported()).items():
        names = ", ".join(one.target for one in failed)
        warnings.warn(f"no file for {names}: {reason}", InvalidRecipeWarning, stacklevel=3)


def _recipes(targets: Sequence[str | ExportRecipe], failures: Failures) -> tuple[ExportRecipe, ...]:
    words = [target for target in targets if isinstance(target, str)]
    from_files, errors = selected_recipes(words) if words else ((), {})
    own = tuple(checked_export(target) for target in targets if isinstance(target, ExportRecipe))
    recipes = {recipe.name: recipe for recipe in (*from_files, *own)}
    if len(recipes) < len(from_files) + len(own):
        raise RecipeError("Two recipes of one export have the same name; give each its own.")
    for name, error in errors.items():
        failures.add(name, error)
    return tuple(recipes.values())


def _scheme(scheme: str | QuantizeRecipe) -> QuantizeRecipe:
    return quantize_recipe(scheme) if isinstance(scheme, str) else checked_quantize(scheme)
