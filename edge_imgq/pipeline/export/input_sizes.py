"""Choose the input sizes of an export's files: the user's, the model's own, or the recipes'."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_imgq.ci.model_size import leaves_size_open
from edge_imgq.errors import ModelError
from edge_imgq.images.samples import ENOUGH
from edge_imgq.pipeline.open_model.source import Source, refuse_odd_size
from edge_imgq.recipe.export import ExportRecipe
from edge_imgq.recipe.folders import is_own_folder

Size = tuple[int, int]


def sizes_to_open(
    model: str | Source,
    recipes: Sequence[ExportRecipe],
    own: Sequence[str],
    requested: Sequence[Size],
) -> Sequence[Size]:
    """Return the (height, width) to open a model at; empty for its own.

    They are the requested ones. Without any, those of the user's recipes if the model is an .onnx
    file that leaves its size open.

    Args:
        model: name or path, or an opened model.
        recipes: recipes of the targets.
        own: names of the recipes that the user wrote, as `own_recipes` returns them.
        requested: sizes that the user named.
    """
    if requested or not isinstance(model, str) or Path(model).suffix.lower() != ".onnx":
        return requested
    if not leaves_size_open(Path(model)):
        return ()
    return tuple(dict.fromkeys(recipe.size for recipe in recipes if recipe.name in own))


def own_recipes(
    targets: Sequence[str | ExportRecipe], recipes: Sequence[ExportRecipe]
) -> tuple[str, ...]:
    """Return the names of the recipes that the user wrote, in a folder of theirs or in Python.

    Args:
        targets: targets as the user named them.
        recipes: the recipes that they select.
    """
    if is_own_folder("export"):
        return tuple(recipe.name for recipe in recipes)
    return tuple(target.name for target in targets if isinstance(target, ExportRecipe))


def input_sizes(
    source: Source, recipe: ExportRecipe, own: Sequence[str], requested: Sequence[Size]
) -> tuple[Size, ...]:
    """Return the input sizes of a target: the user's, else the model's own, else the recipe's.

    Each is (height, width), without repetition.

    Args:
        source: the opened model.
        recipe: recipe of the target.
        own: names of the recipes that the user wrote.
        requested: sizes that the user named.

    Raises:
        ModelError: neither the user nor the user's model states a size, or the model does not take
            it.
    """
    from edge_imgq.graph.shapes.size import own_size

    fixed = own_size(source.model)
    is_stated = bool(requested) or fixed is not None or source.is_own or recipe.name in own
    if not is_stated:
        raise ModelError(
            f"{source.name} takes images of any height and width, and files for phones have one "
            "size. Say which with --size HxW, for example --size "
            f"{recipe.size[0]}x{recipe.size[1]}."
        )
    sizes = tuple(dict.fromkeys(requested or (fixed or recipe.size,)))
    for size in sizes:
        refuse_odd_size(source, size)
    return sizes


def size_advice(source: Source, sizes: Sequence[Size]) -> tuple[str, ...]:
    """Return a warning for each (height, width) with a side smaller than the receptive field.

    Sizes of 64 pixels a side or more get none. Sorted by size.
    """
    from edge_imgq.graph.receptive_field.receptive_field import receptive_field

    small = sorted({size for size in sizes if min(size) < ENOUGH})
    sees = (receptive_field(source.model).diameter or 1) if small else 1
    return tuple(
        f"The network sees {sees}x{sees} pixels at once, and {size[0]}x{size[1]} is smaller: every "
        "pixel of such a file is computed at a border, and may come out otherwise than of a photo."
        for size in small
        if min(size) < sees
    )
