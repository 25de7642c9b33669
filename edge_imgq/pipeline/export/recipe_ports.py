"""The model of an export, opened by what its recipes say of the ports."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.contract import PixelRange
from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.pipeline.open_model.onnx_model import OnnxModel
from edge_imgq.pipeline.open_model.source import Source, open_model, opened
from edge_imgq.ports import NOTHING_ASKED, PortRequests
from edge_imgq.recipe.export import ExportRecipe

Size = tuple[int, int]


def opened_by(
    recipes: Sequence[ExportRecipe],
    model: str | Source,
    pixels: PixelRange | None,
    sizes: Sequence[Size],
) -> Source:
    """Return the model that all files of an export are made from.

    Args:
        recipes: of the targets.
        model: what a person names, or one that is open.
        pixels: what the pixels are inside an .onnx file that does not say.
        sizes: heights and widths that it is wanted at.

    Raises:
        RecipeError: recipes say different things of the ports, or the person another than they.
        EdgeImgqError: of the class that fits, where the model cannot be opened so.
    """
    asked = _said_by(recipes)
    if asked == NOTHING_ASKED:
        return opened(model, pixels, sizes)
    if isinstance(model, Source) and model.ports != NOTHING_ASKED:
        if model.ports != asked:
            raise RecipeError(
                f"The recipe {recipes[0].name} says {' '.join(asked.words)}, and you say "
                f"{' '.join(model.ports.words)}. Say it in one place."
            )
        return model
    given = model if isinstance(model, str) else _given(model)
    try:
        return open_model(given, pixels, sizes, asked)
    except UsageError as error:
        raise RecipeError(f"By the recipe {recipes[0].name}: {error}") from error


def _said_by(recipes: Sequence[ExportRecipe]) -> PortRequests:
    """Return what all recipes say."""
    for recipe in recipes[1:]:
        if recipe.ports != recipes[0].ports:
            ours, theirs = (" ".join(r.ports.words) or "nothing" for r in (recipes[0], recipe))
            raise RecipeError(
                "All files of one export take and return the same, and of the model's ports the "
                f"recipe {recipes[0].name} says {ours}, {recipe.name} {theirs}. Write the same "
                "`output`, [input] and [bind] in both, or export one after the other (--target)."
            )
    return recipes[0].ports if recipes else NOTHING_ASKED


def _given(source: Source) -> str | OnnxModel:
    """Return what a model was opened from."""
    return source.given or (source.original.model if source.original else source.name)
