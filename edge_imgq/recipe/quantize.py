"""A quantization recipe: how int8 is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_imgq.recipe.table import Table

OBSERVERS = ("min-max",)
ROUNDINGS = ("nearest", "feedback")
CORRECTIONS = ("channels",)


@dataclass(frozen=True)
class QuantizeRecipe:
    """One file of `quantize/`.

    Attributes:
        name: the file's stem.
        summary: one line for people.
        observer: how ranges are taken: "min-max".
        passes: graph passes before quantization, in order (`edge_imgq.graph.rewrite.PASSES`).
        rounding: of weights, "nearest" or "feedback".
        corrections: what is put right afterwards: "channels".
    """

    name: str
    summary: str
    observer: str
    passes: tuple[str, ...]
    rounding: str = "nearest"
    corrections: tuple[str, ...] = ()


def read_quantize_recipe(path: Path) -> QuantizeRecipe:
    """Read one file of `quantize/`.

    Raises:
        RecipeError: it is not what `QuantizeRecipe` describes.
    """
    table = Table.read(path)
    recipe = QuantizeRecipe(
        name=path.stem,
        summary=table.text("summary"),
        observer=table.text("observer", OBSERVERS),
        passes=table.texts("passes"),
        rounding=table.text("rounding", ROUNDINGS, default="nearest"),
        corrections=table.texts("corrections", CORRECTIONS, default=()),
    )
    table.close()
    return recipe
