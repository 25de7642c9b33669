"""Lookup of recipes: in the working directory first, then in the package."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.recipe.export import ExportRecipe, read_export_recipe, recipe_name
from edge_imgq.recipe.quantize import (
    QuantizeRecipe,
    read_quantize_recipe,
    written_recipe_path,
)
from edge_imgq.wording import did_you_mean

PACKAGE = Path(__file__).resolve().parent.parent
ALL = "all"


def shipped_folder(stage: str) -> Path:
    """Return the shipped recipe folder of a stage: in the installed package, or in the checkout.

    `stage` is "export", "quantize" or "calibration_data".
    """
    installed = PACKAGE / "recipes" / stage
    return installed if installed.is_dir() else PACKAGE.parent / stage


def recipe_folder(stage: str, beside: Path | None = None) -> Path:
    """Return the folder from which recipes of a stage are read; nothing in it is checked.

    Args:
        stage: "export", "quantize" or "calibration_data".
        beside: folder to search first; the working directory by default. A stage folder there is
            used if it holds a .toml file, and then replaces the shipped one entirely.
    """
    local = (beside or Path.cwd()) / stage
    return local if any(local.glob("*.toml")) else shipped_folder(stage)


def is_own_folder(stage: str) -> bool:
    """Return True if the recipes of a stage come from the working directory, not from edge-imgq.

    `stage` is "export", "quantize" or "calibration_data".
    """
    return recipe_folder(stage).resolve() != shipped_folder(stage).resolve()


def export_targets(beside: Path | None = None) -> tuple[str, ...]:
    """Return the names of all targets, the stems of the files in `export/`, sorted.

    The recipes are not read, so invalid ones are among them.

    Args:
        beside: folder whose `export/` is used if it has recipes; the working directory by default.
    """
    return tuple(sorted(path.stem for path in recipe_folder("export", beside).glob("*.toml")))


def export_recipes(beside: Path | None = None) -> tuple[ExportRecipe, ...]:
    """Read the export recipes of all targets, sorted by name.

    Args:
        beside: folder whose `export/` is used if it has recipes; the working directory by default.
            Otherwise the shipped recipes are read.

    Raises:
        RecipeError: a recipe is invalid.
    """
    recipes, errors = _readable(beside)
    for error in errors.values():
        raise error
    return recipes


def valid_recipes(needed: Collection[str] = ()) -> tuple[ExportRecipe, ...]:
    """Read the export recipes that are valid, sorted by name.

    Args:
        needed: targets whose recipes must be valid, with or without the suffixes of single files.

    Raises:
        RecipeError: one of those is not.
    """
    recipes, errors = _readable(None)
    for name in sorted({recipe_name(target) for target in needed} & errors.keys()):
        raise errors[name]
    return recipes


def _readable(beside: Path | None) -> tuple[tuple[ExportRecipe, ...], dict[str, RecipeError]]:
    """Return the valid recipes, sorted by name, and the errors of the others by name."""
    folder = recipe_folder("export", beside)
    recipes, errors = [], {}
    for name in export_targets(beside):
        try:
            recipes.append(read_export_recipe(folder / f"{name}.toml"))
        except RecipeError as error:
            errors[name] = error
    return tuple(recipes), errors


def quantize_recipe(name: str, beside: Path | None = None) -> QuantizeRecipe:
    """Read a quantization recipe.

    Args:
        name: stem of a file of `quantize/`, or a path that ends in .toml.
        beside: folder whose `quantize/` is used if it has recipes; the working directory by
            default. Otherwise a shipped recipe is read.

    Raises:
        RecipeError: it does not exist or is invalid.
    """
    return read_quantize_recipe(quantize_recipe_path(name, beside))


def quantize_recipe_path(name: str, beside: Path | None = None) -> Path:
    """Return the file of a quantization recipe.

    Args:
        name: stem of a file of `quantize/`; or a path that ends in .toml, which is returned
            unchecked.
        beside: folder whose `quantize/` is used if it has recipes; the working directory by
            default.

    Raises:
        RecipeError: there is no recipe of that name.
    """
    if name.endswith(".toml"):
        return Path(name)
    folder = recipe_folder("quantize", beside)
    path = folder / f"{name}.toml"
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.toml"))
        raise RecipeError(
            f"There is no quantization recipe '{name}' in {folder}.{did_you_mean(name, known)} "
            f"Known: {', '.join(known) or 'none'}."
        )
    return path


def automatic_recipe(name: str, beside: Path | None = None) -> str:
    """Return the name of the recipe that extends this one by repairing files over budget.

    That is one whose `start` is `name` and whose `when_over_budget` is not "nothing"; of several,
    the first by name; "" if there is none. Invalid recipes are passed over.

    Args:
        name: stem of a file of `quantize/`.
        beside: folder whose `quantize/` is used if it has recipes; the working directory by
            default.
    """
    folder = recipe_folder("quantize", beside)
    for path in sorted(folder.glob("*.toml")):
        with suppress(RecipeError):
            recipe = read_quantize_recipe(path)
            if recipe.start == name and recipe.when_over_budget != "nothing":
                return recipe.name
    return ""


def quantize_recipe_text(name: str, beside: Path | None = None) -> str:
    """Return the TOML text that states a recipe's keys: of its own file, or of its start's.

    Args:
        name: stem of a file of `quantize/`, or a path that ends in .toml.
        beside: folder whose `quantize/` is used if it has recipes; the working directory by
            default.

    Raises:
        RecipeError: there is no recipe of that name, or it is invalid.
    """
    path = written_recipe_path(quantize_recipe_path(name, beside))
    return path.read_text(encoding="utf-8")


def selected_recipes(
    patterns: Sequence[str], beside: Path | None = None
) -> tuple[tuple[ExportRecipe, ...], dict[str, RecipeError]]:
    """Return the valid recipes that patterns select, and the errors of those that are not valid.

    Args:
        patterns: as for `select`.
        beside: as for `export_recipes`.

    Returns:
        Recipes sorted by name, and errors by the name of the target.

    Raises:
        UsageError: a word selects nothing.
    """
    recipes, errors = _readable(beside)
    chosen = select(recipes, patterns, errors)
    asked = {name for name in errors for pattern in patterns if _matches(name, pattern)}
    return chosen, {name: error for name, error in errors.items() if name in asked}


def select(
    recipes: Sequence[ExportRecipe], patterns: Sequence[str], invalid: Collection[str] = ()
) -> tuple[ExportRecipe, ...]:
    """Return the recipes selected by names, globs, families or "all", in their original order.

    A recipe that needs a package which edge-imgq does not install is skipped if the same word
    selects others too. So "all", "*-int8" and "tflite" mean the same on every machine, and "ncnn"
    means all of ncnn.

    Args:
        recipes: all targets whose recipes are valid.
        patterns: stems ("tflite-int8"), globs ("*-int8"), families ("tflite" = every "tflite-*");
            case matters.
        invalid: names of targets whose recipes are not; words that select one are no error.

    Raises:
        UsageError: a word selects nothing.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        matching = [recipe for recipe in recipes if _matches(recipe.name, pattern)]
        names = [r.name for r in matching if not r.needs_extra] or [r.name for r in matching]
        if not names and not any(_matches(name, pattern) for name in invalid):
            known = sorted([*(recipe.name for recipe in recipes), *invalid])
            families = dict.fromkeys(name.split("-")[0] for name in known)
            near = did_you_mean(pattern, (*known, *families, ALL))
            raise UsageError(
                f"No target is called '{pattern}'.{near} Known: {', '.join(known)}, or '{ALL}'."
            )
        chosen.update(names)
    return tuple(recipe for recipe in recipes if recipe.name in chosen)


def _matches(name: str, pattern: str) -> bool:
    return pattern == ALL or name.startswith(f"{pattern}-") or fnmatch.fnmatchcase(name, pattern)
