"""Export recipes: one target file, with its precision, processor and accuracy budget."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast, get_args

from edge_imgq.chips import CHIPS, Chip
from edge_imgq.formats import FORMATS, Format, Precision
from edge_imgq.kernels.processors import OF_PROCESSOR
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.ports import NO_PORT_REQUESTS, PortRequests
from edge_imgq.recipe.passes import read_passes
from edge_imgq.recipe.ports import KEYS, port_values, read_ports
from edge_imgq.recipe.toml_reader import TomlTable, checked_name

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
PROCESSORS = (*OF_PROCESSOR, *CHIPS)
"""Valid values of `processor`."""

KINDS = ("cpu", "gpu", "npu")
"""Kinds of processors: the word before a colon, or "npu" for a chip."""

COMPUTES_IN: dict[str, tuple[Precision, ...]] = {
    "cpu": PRECISIONS,
    "gpu": ("float32", "float16"),
    "npu": ("int8",),
}
"""Precisions of the files for each kind of processor."""

FALLBACK = "fallback"
"""Suffix of the file for phones whose NPU the recipe does not name."""

ACTIVATIONS = ("int8", "int16")

_DECIBELS = ((0.0, 100.0), "a number of dB from 0 to 100")
"""Limits of budgets: 8-bit images that differ at all are seldom nearer than 100 dB."""

_SIZED = re.compile(r"(.+)-\d+x\d+")
_OF_A_CHIP = re.compile(rf"(.+)-(?:{'|'.join([FALLBACK, *(c.slug for c in CHIPS.values())])})")


@dataclass(frozen=True)
class Budget:
    """Accuracy limits of a file, measured on 8-bit images.

    Attributes:
        psnr_drop: largest mean PSNR loss against ground truth, in dB; unused without ground truth.
        psnr_drop_worst: the same for the worst image.
        psnr_vs_reference: smallest mean PSNR against the float reference, in dB.
        conversion_within_1: smallest fraction of values within one level of the source graph; None
            where the format does not guarantee it, and the figure is only reported.
    """

    psnr_drop: float
    psnr_drop_worst: float
    psnr_vs_reference: float
    conversion_within_1: float | None = None


@dataclass(frozen=True)
class ExportRecipe:
    """One file of `export/`: one target.

    Attributes:
        name: file stem, the target's name everywhere.
        summary: one line for people.
        format: a key of FORMATS.
        precision: one of PRECISIONS.
        scheme: stem of the quantization recipe; empty unless the precision is int8.
        processor: processor for whose kernels a TFLite file is written: "cpu" or "cpu:arm" (phones
            with dot product), "cpu:x86" or "gpu"; or the chip for whose NPU it is compiled, a key
            of CHIPS, or several, with a file for each.
        passes: graph passes of a float target; an int8 target takes them from its scheme.
        size: height and width of the file's input, in pixels.
        budget: accuracy limits of the file.
        activations: "int8", or "int16" for activations of 16 bits beside int8 weights in files
            compiled for NPUs (`edge_imgq.quantize.qdq.int16_activations`); the fallback is int8.
        ports: inputs and outputs that the model's shapes do not determine; in a file, the keys
            `output`, `input`, `bind` and `state` (`edge_imgq.recipe.ports`).
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
    activations: str = "int8"
    ports: PortRequests = NO_PORT_REQUESTS

    @property
    def processors(self) -> tuple[str, ...]:
        """The processors that the recipe names, keys of PROCESSORS, one or more."""
        return (self.processor,) if isinstance(self.processor, str) else self.processor

    @property
    def chips(self) -> tuple[str, ...]:
        """Chips for whose NPUs the file is compiled, such as "qualcomm:sm8750"; else empty."""
        return tuple(name for name in self.processors if name in CHIPS)

    @property
    def kind(self) -> str:
        """Kind of its processors, which is common to all: "cpu", "gpu" or "npu"."""
        return _kind(self.processors)

    @property
    def needs_extra(self) -> bool:
        """True if making or running its files needs packages that edge-imgq does not install."""
        return bool(self.chips) or FORMATS[self.format].extra is not None


def kernels_of(recipe: ExportRecipe) -> KernelProfile:
    """Return the kernel profile for which a recipe's files are written, that of its processor.

    A file compiled for a chip is compiled from the CPU file, which is written beside it, so its
    profile is that of "cpu".
    """
    return OF_PROCESSOR["cpu" if recipe.chips else recipe.processors[0]]


def chip_target(name: str, chip: Chip | None) -> str:
    """Return the target name of a recipe's file for one chip, such as "tflite-npu-sm8750".

    Args:
        name: name of the recipe.
        chip: the chip; None for the fallback file, whose name ends in "-fallback".
    """
    return f"{name}-{FALLBACK if chip is None else chip.slug}"


def sized_target(name: str, size: tuple[int, int]) -> str:
    """Return the target name of a recipe's file for one size, such as "tflite-int8-180x320".

    `size` is (height, width) in pixels.
    """
    return f"{name}-{size[0]}x{size[1]}"


def recipe_name(target: str) -> str:
    """Return the recipe name of a target: the name without suffixes of size and chip.

    The inverse of `chip_target` and `sized_target`; a name without such suffixes is returned
    itself.
    """
    match = _SIZED.fullmatch(target)
    name = match[1] if match else target
    match = _OF_A_CHIP.fullmatch(name)
    return match[1] if match else name


def read_export_recipe(path: Path) -> ExportRecipe:
    """Read and validate one file of `export/`; its stem is the name of the target.

    Raises:
        RecipeError: the file is missing, not TOML, or does not match `ExportRecipe`; every error is
            reported, with its line.
    """
    return _parsed(TomlTable.read(path), path.stem)


def checked_export(recipe: ExportRecipe) -> ExportRecipe:
    """Validate a recipe made in Python as if it were read from a file; return an equal recipe.

    Raises:
        RecipeError: a value does not match `ExportRecipe`; every error is reported.
    """
    budget = {key: value for key, value in vars(recipe.budget).items() if value is not None}
    values = {key: value for key, value in vars(recipe).items() if key not in ("name", "ports")}
    values |= {"passes": list(recipe.passes), "size": list(recipe.size), "budget": budget}
    values |= {"processor": list(recipe.processors), **port_values(recipe.ports)}
    return _parsed(TomlTable(values, f"The recipe '{recipe.name}'"), checked_name(recipe.name))


def _parsed(table: TomlTable, name: str) -> ExportRecipe:
    own = [key.name for key in fields(ExportRecipe) if key.name not in ("name", "ports")]
    table.refuse_others([*own, *KEYS])
    format_name = table.text("format", tuple(FORMATS))
    precision = table.text("precision", PRECISIONS)
    processor = _processors(table)
    budget = _budget(table, format_name, precision, _kind(processor))
    recipe = ExportRecipe(
        name=name,
        summary=table.text("summary"),
        format=format_name,
        precision=precision,
        scheme=table.text("scheme", default=""),
        processor=processor,
        passes=read_passes(table, default=()),
        size=table.size("size"),
        budget=budget,
        activations=table.text("activations", ACTIVATIONS, default="int8"),
        ports=read_ports(table),
    )
    table.raise_mistakes()
    _refuse_contradictions(recipe, table)
    table.raise_mistakes()
    return recipe


def _processors(table: TomlTable) -> tuple[str, ...]:
    processors = table.one_or_more("processor", PROCESSORS, default="cpu")
    if len(processors) > 1 and not CHIPS.keys() >= set(processors):
        table.refuse("processor", "several processors of one recipe are all chips.")
    return processors


def _kind(processor: tuple[str, ...]) -> str:
    """Return the kind, one of KINDS, of a recipe's processors."""
    return "npu" if processor[0] in CHIPS else processor[0].partition(":")[0]


def _budget(recipe: TomlTable, format_name: str, precision: str, kind: str) -> Budget:
    """Read the budget of a recipe whose format, precision and processor were read."""
    table = recipe.table("budget")
    table.refuse_others([key.name for key in fields(Budget)])
    share = FORMATS[format_name].precisions.get(cast(Precision, precision), "optional")
    where, why = "files", FORMATS[format_name].rounds_elsewhere
    if kind == "npu":
        share, where, why = "none", "files that processors run", "NPUs round elsewhere."
    if recipe.is_wrong("format", "precision", "processor"):
        share = "optional"
    if share == "none" and table.has("conversion_within_1"):
        keep = _names(lambda row: "none" not in row.precisions.values())
        table.refuse(
            "conversion_within_1",
            f"'conversion_within_1' is for {keep} {where}. {why} No share of values is kept for "
            "every network; limit it in dB alone, and delete the key.",
        )
    budget = Budget(
        psnr_drop=table.number("psnr_drop", None, *_DECIBELS),
        psnr_drop_worst=table.number("psnr_drop_worst", None, *_DECIBELS),
        psnr_vs_reference=table.number("psnr_vs_reference", None, *_DECIBELS),
        conversion_within_1=(
            table.number("conversion_within_1", None, (0.0, 1.0), "a share from 0 to 1")
            if share == "asked" or table.has("conversion_within_1")
            else None
        ),
    )
    if budget.psnr_drop_worst < budget.psnr_drop and not table.is_wrong(*vars(budget)):
        table.refuse(
            "psnr_drop_worst",
            f"'psnr_drop_worst' is {budget.psnr_drop_worst:g}, less than 'psnr_drop', which is "
            f"{budget.psnr_drop:g}: the worst image loses at least the mean, so that 'psnr_drop' "
            "would never decide. Raise the first, or lower the second.",
        )
    return budget


def _refuse_contradictions(recipe: ExportRecipe, table: TomlTable) -> None:
    if (recipe.precision == "int8") != bool(recipe.scheme):
        table.refuse(
            "scheme",
            "'scheme' names a recipe of quantize/, and belongs to precision "
            f'"int8" alone; here the precision is "{recipe.precision}" and the scheme '
            f'"{recipe.scheme}".',
        )
    if recipe.scheme and recipe.passes:
        table.refuse("passes", "the passes of an int8 target stand in quantize/, not here.")
    row = FORMATS[recipe.format]
    if recipe.precision not in row.precisions:
        able = " or ".join(f'"{precision}"' for precision in row.precisions)
        table.refuse("precision", f"{row.name} files are {able}.")
    _refuse_processor(recipe, _kind(recipe.processors), table)
    if recipe.activations == "int16" and not recipe.chips:
        table.refuse(
            "activations",
            'activations = "int16" is for files compiled for NPUs alone: on processors layers in '
            "float are quicker and more exact. Delete the key, or name chips in 'processor'.",
        )
    if recipe_name(recipe.name) != recipe.name:
        table.refuse(
            "name",
            f"the name '{recipe.name}' ends as those of single files of a recipe do, by chip or by "
            "size; give it another.",
        )


def _refuse_processor(recipe: ExportRecipe, kind: str, table: TomlTable) -> None:
    if kind in FORMATS[recipe.format].processors and recipe.precision in COMPUTES_IN[kind]:
        return
    able = _names(lambda row: kind in row.processors)
    numbers = "int8" if kind == "npu" else "float"
    units = "NPUs compute in integers" if kind == "npu" else "phone GPUs compute in float"
    table.refuse(
        "processor",
        f'the processor "{recipe.processors[0]}" belongs to {numbers} {able} files. Other formats '
        f"choose the processor on the device, and {units}.",
    )


def _names(has: Callable[[Format], bool]) -> str:
    """Return the names of the formats for which a predicate holds, in words."""
    *others, last = (row.name for row in FORMATS.values() if has(row))
    return f"{', '.join(others)} and {last}" if others else last
