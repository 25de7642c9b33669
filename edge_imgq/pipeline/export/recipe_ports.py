"""Open the model of an export with the inputs and outputs that its recipes choose."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.contract import PixelRange
from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.pipeline.open_model.onnx_model import OnnxModel
from edge_imgq.pipeline.open_model.source import Source, open_model, opened
from edge_imgq.ports import NO_PORT_REQUESTS, PortRequests
from edge_imgq.recipe.export import ExportRecipe

Size = tuple[int, int]


def opened_by(
    recipes: Sequence[ExportRecipe],
    model: str | Source,
    pixels: PixelRange | None,
    sizes: Sequence[Size],
) -> Source:
    """Open the model that all files of an export are made from.

    Args:
        recipes: export recipes of the targets.
        model: name or path, or an opened model.
        pixels: pixel range of an .onnx file that does not state it; None for its default.
        sizes: (height, width) that it will be used at.

    Raises:
        RecipeError: the recipes choose different ports, the user chose others, or the model does
            not have them.
        EdgeImgqError: the model cannot be opened.
    """
    said = model.ports if isinstance(model, Source) else NO_PORT_REQUESTS
    asked = ports_of(recipes, said)
    if asked == said:
        return opened(model, pixels, sizes)
    given = model if isinstance(model, str) else _given(model)
    try:
        return open_model(given, pixels, sizes, asked)
    except UsageError as error:
        raise RecipeError(f"By the recipe {recipes[0].name}: {error}") from error


def ports_of(recipes: Sequence[ExportRecipe], said: PortRequests) -> PortRequests:
    """Return the ports that the recipes choose, or else those that the user did.

    Args:
        recipes: export recipes of the targets.
        said: the user's ports.

    Raises:
        RecipeError: the recipes choose different ports, or the user chose others.
    """
    asked = _said_by(recipes)
    if asked == NO_PORT_REQUESTS:
        return said
    if said not in (NO_PORT_REQUESTS, asked):
        raise RecipeError(
            f"The recipe {recipes[0].name} says {' '.join(asked.words)}, and you say "
            f"{' '.join(said.words)}. State it in one place."
        )
    return asked


def _said_by(recipes: Sequence[ExportRecipe]) -> PortRequests:
    """Return the ports that the recipes choose.

    Raises:
        RecipeError: they choose different ones.
    """
    for recipe in recipes[1:]:
        if recipe.ports != recipes[0].ports:
            ours, theirs = (" ".join(r.ports.words) or "nothing" for r in (recipes[0], recipe))
            raise RecipeError(
                "All files of one export take and return the same, and of the model's ports the "
                f"recipe {recipes[0].name} says {ours}, {recipe.name} {theirs}. Write the same "
                "`output`, [input] and [bind] in both, or export one after the other (--target)."
            )
    return recipes[0].ports if recipes else NO_PORT_REQUESTS


def _given(source: Source) -> str | OnnxModel:
    """Return the name, path or ONNX model that a model was opened from."""
    return source.given or (source.original.model if source.original else source.name)
