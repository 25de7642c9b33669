"""An export recipe: one file that an app ships, and what it may lose."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast, get_args

from edge_imgq.errors import RecipeError
from edge_imgq.formats import FORMATS, Format, Precision
from edge_imgq.kernels.table import OF_PROCESSOR
from edge_imgq.recipe.table import Table, checked_name

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
PROCESSORS = tuple(OF_PROCESSOR)

_SIZED = re.compile(r"(.+)-\d+x\d+")


@dataclass(frozen=True)
class Budget:
    """What a file may lose; all of it is measured on 8-bit images.

    Attributes:
        psnr_drop: mean loss against ground truth, in dB, where there is ground truth.
        psnr_drop_worst: the same for the worst image.
        psnr_vs_reference: least mean PSNR against the float reference, in dB.
        conversion_within_1: least share of values at most one level from the graph that the file
            was lowered from; None where the format does not keep it, and it is only shown.
    """

    psnr_drop: float
    psnr_drop_worst: float
    psnr_vs_reference: float
    conversion_within_1: float | None = None


@dataclass(frozen=True)
class ExportRecipe:
    """One file of `export/`: one target.

    Attributes:
        name: the file's stem; the target's one name everywhere.
        summary: one line for people.
        format: a key of FORMATS.
        precision: one of PRECISIONS.
        scheme: stem of the quantization recipe; empty unless the precision is int8.
        processor: one of PROCESSORS; whose kernels the forms of a TFLite file are chosen for.
        passes: graph passes for a float target; an int8 target takes them from its scheme.
        size: height and width of the input image of the written file.
        budget: what the file may lose.
    """

    name: str
    summary: str
    format: str
    precision: str
    scheme: str
    processor: str
    passes: tuple[str, ...]
    size: tuple[int, int]
    budget: Budget


def sized_target(name: str, size: tuple[int, int]) -> str:
    """Return the name of one of several files of a recipe, one per image size."""
    return f"{name}-{size[0]}x{size[1]}"


def recipe_name(target: str) -> str:
    """Return the recipe of a target that may be one of several, by size."""
    found = _SIZED.fullmatch(target)
    return found[1] if found else target


def read_export_recipe(path: Path) -> ExportRecipe:
    """Read one file of `export/`.

    Raises:
        RecipeError: it is not what `ExportRecipe` describes.
    """
    return _parsed(Table.read(path), path.stem)


def checked_export(recipe: ExportRecipe) -> ExportRecipe:
    """Return a recipe that was made in Python, after the checks that one from a file goes through.

    Raises:
        RecipeError: a value is not what `ExportRecipe` describes.
    """
    budget = {key: value for key, value in vars(recipe.budget).items() if value is not None}
    values = {key: value for key, value in vars(recipe).items() if key != "name"}
    values |= {"passes": list(recipe.passes), "size": list(recipe.size), "budget": budget}
    return _parsed(Table(values, f"The recipe '{recipe.name}'"), checked_name(recipe.name))


def _parsed(table: Table, name: str) -> ExportRecipe:
    table.refuse_others([key.name for key in fields(ExportRecipe) if key.name != "name"])
    form, precision = table.text("format", tuple(FORMATS)), table.text("precision", PRECISIONS)
    recipe = ExportRecipe(
        name=name,
        summary=table.text("summary"),
        format=form,
        precision=precision,
        scheme=table.text("scheme", default=""),
        processor=table.text("processor", PROCESSORS, default="cpu"),
        passes=table.texts("passes", default=()),
        size=table.size("size"),
        budget=_budget(table.table("budget"), form, precision),
    )
    _refuse_contradictions(recipe, table.where)
    return recipe


def _budget(table: Table, form: str, precision: str) -> Budget:
    table.refuse_others([key.name for key in fields(Budget)])
    share = FORMATS[form].precisions.get(cast(Precision, precision), "optional")
    if share == "none" and table.has("conversion_within_1"):
        keep = _names(lambda row: "none" not in row.precisions.values())
        raise RecipeError(
            f"{table.where}: 'conversion_within_1' is for {keep} files. "
            f"{FORMATS[form].rounds_elsewhere} No share of values is kept for every network; limit "
            "it in dB alone, and delete the key."
        )
    return Budget(
        psnr_drop=table.number("psnr_drop"),
        psnr_drop_worst=table.number("psnr_drop_worst"),
        psnr_vs_reference=table.number("psnr_vs_reference"),
        conversion_within_1=(
            table.number("conversion_within_1")
            if share == "asked" or table.has("conversion_within_1")
            else None
        ),
    )


def _refuse_contradictions(recipe: ExportRecipe, where: str) -> None:
    if (recipe.precision == "int8") != bool(recipe.scheme):
        raise RecipeError(
            f"{where}: 'scheme' names a recipe of quantize/, and belongs to precision "
            f'"int8" alone; here the precision is "{recipe.precision}" and the scheme '
            f'"{recipe.scheme}".'
        )
    if recipe.scheme and recipe.passes:
        raise RecipeError(f"{where}: the passes of an int8 target stand in quantize/, not here.")
    form = FORMATS[recipe.format]
    if recipe.precision not in form.precisions:
        able = " or ".join(f'"{precision}"' for precision in form.precisions)
        raise RecipeError(f"{where}: {form.name} files are {able}.")
    if recipe.processor not in form.processors or (
        recipe.processor == "gpu" and recipe.precision == "int8"
    ):
        able = _names(lambda row: recipe.processor in row.processors)
        raise RecipeError(
            f'{where}: the processor "{recipe.processor}" belongs to float {able} files. Other '
            "formats choose the processor on the device, and phone GPUs compute in float."
        )


def _names(has: Callable[[Format], bool]) -> str:
    """Return the names of the formats of which something holds, in words."""
    return " and ".join(form.name for form in FORMATS.values() if has(form))
