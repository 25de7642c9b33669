"""An export recipe: one file that an app ships, and what it may lose."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast, get_args

from edge_imgq.chips import CHIPS, Chip
from edge_imgq.errors import RecipeError
from edge_imgq.formats import FORMATS, Format, Precision
from edge_imgq.kernels.processors import OF_PROCESSOR
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.ports import NOTHING_ASKED, PortRequests
from edge_imgq.recipe.passes import read_passes
from edge_imgq.recipe.ports import KEYS, port_values, read_ports
from edge_imgq.recipe.toml_reader import TomlTable, checked_name

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
PROCESSORS = (*OF_PROCESSOR, *CHIPS)
"""What a recipe may name."""

KINDS = ("cpu", "gpu", "npu")
"""Kinds of processors: a word before a colon, or "npu" of a chip."""

COMPUTES_IN: dict[str, tuple[Precision, ...]] = {
    "cpu": PRECISIONS,
    "gpu": ("float32", "float16"),
    "npu": ("int8",),
}
"""Precisions of the files for each kind of processor."""

FALLBACK = "fallback"
"""Ends the name of the file for phones whose NPU the recipe does not name."""

_SIZED = re.compile(r"(.+)-\d+x\d+")
_OF_A_CHIP = re.compile(rf"(.+)-(?:{'|'.join([FALLBACK, *(c.slug for c in CHIPS.values())])})")


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
        processor: whose kernels the forms of a TFLite file are chosen for: "cpu" or "cpu:arm",
            phones' with dot product, "cpu:x86" or "gpu"; or the chip whose NPU it is compiled for,
            a key of CHIPS, or several, a file for each.
        passes: graph passes for a float target; an int8 target takes them from its scheme.
        size: height and width of the input image of the written file.
        budget: what the file may lose.
        ports: what the model takes and returns, where its shapes do not say; in a file, the keys
            `output`, `input` and `bind` (`edge_imgq.recipe.ports`).
    """

    name: str
    summary: str
    format: str
    precision: str
    scheme: str
    processor: str | tuple[str, ...]
    passes: tuple[str, ...]
    size: tuple[int, int]
    budget: Budget
    ports: PortRequests = NOTHING_ASKED

    @property
    def processors(self) -> tuple[str, ...]:
        """What `processor` names, one or more."""
        return (self.processor,) if isinstance(self.processor, str) else self.processor

    @property
    def chips(self) -> tuple[str, ...]:
        """The chips whose NPUs it is compiled for, keys of CHIPS; none for other processors."""
        return tuple(name for name in self.processors if name in CHIPS)

    @property
    def kind(self) -> str:
        """Which of KINDS they are."""
        return _kind(self.processors)

    @property
    def needs_extra(self) -> bool:
        """Whether its files are made or run by what edge-imgq does not install."""
        return bool(self.chips) or FORMATS[self.format].extra is not None


def kernels_of(recipe: ExportRecipe) -> KernelProfile:
    """Return the kernels that its files are written for.

    What is compiled for a chip is the file for the processor, and lies beside it.
    """
    return OF_PROCESSOR["cpu" if recipe.chips else recipe.processors[0]]


def chip_target(name: str, chip: Chip | None) -> str:
    """Return the name of one of several files of a recipe, one per chip; None for all others."""
    return f"{name}-{FALLBACK if chip is None else chip.slug}"


def sized_target(name: str, size: tuple[int, int]) -> str:
    """Return the name of one of several files of a recipe, one per image size."""
    return f"{name}-{size[0]}x{size[1]}"


def recipe_name(target: str) -> str:
    """Return the recipe of a target that may be one of several, by chip and by size."""
    found = _SIZED.fullmatch(target)
    name = found[1] if found else target
    found = _OF_A_CHIP.fullmatch(name)
    return found[1] if found else name


def read_export_recipe(path: Path) -> ExportRecipe:
    """Read one file of `export/`.

    Raises:
        RecipeError: it is not what `ExportRecipe` describes.
    """
    return _parsed(TomlTable.read(path), path.stem)


def checked_export(recipe: ExportRecipe) -> ExportRecipe:
    """Return a recipe that was made in Python, after the checks that one from a file goes through.

    Raises:
        RecipeError: a value is not what `ExportRecipe` describes.
    """
    budget = {key: value for key, value in vars(recipe.budget).items() if value is not None}
    values = {key: value for key, value in vars(recipe).items() if key not in ("name", "ports")}
    values |= {"passes": list(recipe.passes), "size": list(recipe.size), "budget": budget}
    values |= {"processor": list(recipe.processors), **port_values(recipe.ports)}
    return _parsed(TomlTable(values, f"The recipe '{recipe.name}'"), checked_name(recipe.name))


def _parsed(table: TomlTable, name: str) -> ExportRecipe:
    own = [key.name for key in fields(ExportRecipe) if key.name not in ("name", "ports")]
    table.refuse_others([*own, *KEYS])
    form, precision = table.text("format", tuple(FORMATS)), table.text("precision", PRECISIONS)
    processor = _processors(table)
    recipe = ExportRecipe(
        name=name,
        summary=table.text("summary"),
        format=form,
        precision=precision,
        scheme=table.text("scheme", default=""),
        processor=processor,
        passes=read_passes(table, default=()),
        size=table.size("size"),
        budget=_budget(table.table("budget"), form, precision, _kind(processor)),
        ports=read_ports(table),
    )
    _refuse_contradictions(recipe, table.where)
    return recipe


def _processors(table: TomlTable) -> tuple[str, ...]:
    found = table.one_or_more("processor", PROCESSORS, default="cpu")
    if len(found) > 1 and not CHIPS.keys() >= set(found):
        raise RecipeError(f"{table.where}: several processors of one recipe are all chips.")
    return found


def _kind(processor: tuple[str, ...]) -> str:
    """Return which of KINDS a recipe names."""
    return "npu" if processor[0] in CHIPS else processor[0].partition(":")[0]


def _budget(table: TomlTable, form: str, precision: str, kind: str) -> Budget:
    table.refuse_others([key.name for key in fields(Budget)])
    share = FORMATS[form].precisions.get(cast(Precision, precision), "optional")
    where, why = "files", FORMATS[form].rounds_elsewhere
    if kind == "npu":
        share, where, why = "none", "files that processors run", "NPUs round elsewhere."
    if share == "none" and table.has("conversion_within_1"):
        keep = _names(lambda row: "none" not in row.precisions.values())
        raise RecipeError(
            f"{table.where}: 'conversion_within_1' is for {keep} {where}. {why} No share of values "
            "is kept for every network; limit it in dB alone, and delete the key."
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
    _refuse_processor(recipe, _kind(recipe.processors), where)
    if recipe_name(recipe.name) != recipe.name:
        raise RecipeError(
            f"{where}: the name '{recipe.name}' ends as those of single files of a recipe do, by "
            "chip or by size; give it another."
        )


def _refuse_processor(recipe: ExportRecipe, kind: str, where: str) -> None:
    if kind in FORMATS[recipe.format].processors and recipe.precision in COMPUTES_IN[kind]:
        return
    able = _names(lambda row: kind in row.processors)
    numbers = "int8" if kind == "npu" else "float"
    units = "NPUs compute in integers" if kind == "npu" else "phone GPUs compute in float"
    raise RecipeError(
        f'{where}: the processor "{recipe.processors[0]}" belongs to {numbers} {able} files. Other '
        f"formats choose the processor on the device, and {units}."
    )


def _names(has: Callable[[Format], bool]) -> str:
    """Return the names of the formats of which something holds, in words."""
    *others, last = (form.name for form in FORMATS.values() if has(form))
    return f"{', '.join(others)} and {last}" if others else last
