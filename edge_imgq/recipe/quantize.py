"""Quantization recipes: the int8 scheme of a graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from edge_imgq.errors import RecipeError
from edge_imgq.recipe.passes import read_passes
from edge_imgq.recipe.toml_reader import TomlTable, checked_name

OBSERVERS = ("min-max", "moving-average", "percentile", "entropy", "mse", "image", "guarded")
ROUNDINGS = ("nearest", "feedback")
CORRECTIONS = ("channels",)
EQUALIZATIONS = ("none", "image")
COPIES = ("none", "spare", "tiles", "wider")
SCALES = ("free", "power-of-two", "symmetric")
LAYER_PRECISIONS = ("int8", "float")
WHEN_OVER_BUDGET = ("nothing", "float")
MAX_STEPS = 100_000
"""Most steps of tuning, which take days on a small network."""


@dataclass(frozen=True)
class QuantizeRecipe:
    """One file of `quantize/`.

    Attributes:
        name: file stem.
        summary: one line for people.
        observer: range estimator, one of OBSERVERS (`edge_imgq.quantize.calibration.observers`).
        passes: graph passes before quantization, in order, each one of PASS_NAMES
            (`edge_imgq.recipe.passes`).
        equalization: channel equalization before quantization: "none", or "image", weighted by the
            error in the output image.
        copies: duplication of the channels that carry the image: "none", "spare", in place of
            nearly unused channels, "tiles", also in channels that fill kernel tiles, or "wider",
            also in further ones where that lowers the error by more than it costs time.
        noise_for_time: percent of the rounding noise that is accepted where layers beside a PReLU
            become one percent faster with fewer channels, 0 to 100. "tiles" and "wider" read it.
        rounding: of weights, "nearest" or "feedback".
        corrections: corrections after quantization: "channels".
        tuning: steps of label-free fine-tuning; 0 for none.
        scales: "free", "power-of-two" for targets that requantize by shifts, or "symmetric" for
            kernels without zero points.
        precision: one of LAYER_PRECISIONS by layer name; other layers are int8.
        when_over_budget: what an export does then: "nothing", or "float", keep enough layers in
            float to bring its files within budget.
        start: stem of the recipe from which all other keys are taken; empty if it states them.
    """

    name: str
    summary: str
    observer: str
    passes: tuple[str, ...]
    rounding: str = "nearest"
    corrections: tuple[str, ...] = ()
    equalization: str = "none"
    tuning: int = 0
    copies: str = "none"
    noise_for_time: float = 2.0
    scales: str = "free"
    precision: Mapping[str, str] = field(default_factory=dict)
    when_over_budget: str = "nothing"
    start: str = ""

    @property
    def graph(self) -> str:
        """Name of the quantized graph: `start`, or else `name`; recipes of one name share it."""
        return self.start or self.name


def read_quantize_recipe(path: Path) -> QuantizeRecipe:
    """Read and validate one file of `quantize/`; its stem is the recipe's name.

    A file with the key `start` states only that, summary and `when_over_budget`, and takes all
    other keys from that recipe.

    Raises:
        RecipeError: the file or its start is missing, not TOML, or does not match `QuantizeRecipe`;
            every error is reported, with its line.
    """
    table = TomlTable.read(path)
    return _started(path, table) if table.has("start") else _parsed(table, path.stem)


def checked_quantize(recipe: QuantizeRecipe) -> QuantizeRecipe:
    """Validate a recipe made in Python as if it were read from a file; return an equal recipe.

    Raises:
        RecipeError: a value does not match `QuantizeRecipe`; every error is reported.
    """
    table = TomlTable(recipe_values(recipe), f"The recipe '{recipe.name}'")
    return replace(_parsed(table, checked_name(recipe.name)), start=recipe.start)


def recipe_values(recipe: QuantizeRecipe) -> dict[str, Any]:
    """Return a recipe as the keys and values of its TOML file, with all defaults stated.

    Name and start are left out; tuples become lists.
    """
    values = {key: value for key, value in vars(recipe).items() if key not in ("name", "start")}
    lists = {key: list(value) for key, value in values.items() if isinstance(value, tuple)}
    return {**values, **lists, "precision": dict(recipe.precision)}


def _parsed(table: TomlTable, name: str) -> QuantizeRecipe:
    table.refuse_others([key.name for key in fields(QuantizeRecipe) if key.name != "name"])
    recipe = QuantizeRecipe(
        name=name,
        summary=table.text("summary"),
        observer=table.text("observer", OBSERVERS),
        passes=read_passes(table),
        rounding=table.text("rounding", ROUNDINGS, default="nearest"),
        corrections=table.texts("corrections", CORRECTIONS, default=()),
        equalization=table.text("equalization", EQUALIZATIONS, default="none"),
        copies=table.text("copies", COPIES, default="none"),
        noise_for_time=table.number("noise_for_time", 2.0, (0.0, 100.0), "from 0 to 100 percent"),
        tuning=_steps(table),
        scales=table.text("scales", SCALES, default="free"),
        precision=_precision(table.table("precision")),
        when_over_budget=table.text("when_over_budget", WHEN_OVER_BUDGET, default="nothing"),
    )
    if recipe.precision and recipe.when_over_budget != "nothing":
        table.refuse(
            "when_over_budget",
            "[precision] says which layers are in float, and 'when_over_budget' has them chosen by "
            "`export`. Delete one of the two.",
        )
    table.raise_mistakes()
    return recipe


def written_recipe_path(path: Path) -> Path:
    """Return the file that states a recipe's keys: its own, or that of its start beside it.

    Raises:
        RecipeError: the recipe is missing or invalid.
    """
    start = read_quantize_recipe(path).start
    return path.with_name(f"{start}.toml") if start else path


def _started(path: Path, table: TomlTable) -> QuantizeRecipe:
    """Read a recipe that takes all other keys from its start in the same folder.

    Raises:
        RecipeError: the start is not in that folder, or has a start or precision table itself.
    """
    table.refuse_others(("summary", "start", "when_over_budget"))
    summary, start = table.text("summary"), table.text("start")
    choice = table.text("when_over_budget", WHEN_OVER_BUDGET)
    table.raise_mistakes()
    stated = path.with_name(f"{start}.toml")
    if not stated.is_file():
        raise RecipeError(
            f"{path}: 'start' names {start}, but there is no {stated.name} in the same folder. "
            "Copy that recipe there too, or name one that is there."
        )
    base = read_quantize_recipe(stated)
    if base.start or base.precision:
        raise RecipeError(
            f"{path}: 'start' names {start}, which has a 'start' or [precision] of its own. Name "
            "the recipe that states all keys and leaves every layer int8."
        )
    return replace(base, name=path.stem, summary=summary, start=start, when_over_budget=choice)


def _precision(table: TomlTable) -> dict[str, str]:
    wide = [name for name, kind in table.entries().items() if kind == "int16"]
    if wide:
        table.fail(
            wide[0],
            f"'{wide[0]}' is \"int16\", which no target gains by. Measured "
            "with activations of 16 bits: ONNX Runtime computes in float between conversions, 2.6 "
            "times as long as in float alone; LiteRT's 16x8 kernels stand outside XNNPACK and take "
            '27 times as long as float; Core ML\'s quantize knows 8 bits alone. Write "float", '
            "which every target runs.",
        )
    return table.entries(LAYER_PRECISIONS)


def _steps(table: TomlTable) -> int:
    number = table.number("tuning", 0, (-math.inf, MAX_STEPS), f"at most {MAX_STEPS} steps")
    if number < 0 or number != int(number):
        table.refuse("tuning", f"'tuning' is the number of steps, a whole number, not {number:g}.")
    return int(number)
