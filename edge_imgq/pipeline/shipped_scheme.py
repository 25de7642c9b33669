"""Quantization recipes that ship, with the keys that a network of the zoo has for itself.

A network trained with fewer sign channels (`edge-imgq train --relu-share`) gains by widths that the
rest of the zoo would lose by.
"""

from __future__ import annotations

from dataclasses import replace

from edge_imgq.models.zoo import ZOO
from edge_imgq.recipe.folders import quantize_recipe, quantize_recipe_text
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.recipe.recipe_text import quantize_recipe_toml

SCHEMES = frozenset({"int8", "int8-auto", "int8-thorough"})
"""Names of the recipes whose keys a network can replace."""

SHIPPED = {"copies": "tiles", "noise_for_time": 2.0}
"""Values of these keys in the recipes that ship. A recipe with others was edited."""


def with_own_keys(model: str, recipe: QuantizeRecipe) -> QuantizeRecipe:
    """Return a recipe with the keys that a network of the zoo replaces.

    A recipe that a user wrote is returned as it stands: its name is not in `SCHEMES`, or its two
    keys are not those of `SHIPPED`. So is any recipe for another model.

    Args:
        model: name or path of the model as the user gave it (`Source.given`).
        recipe: quantization recipe to apply to it.
    """
    entry = ZOO.get(model)
    edited = any(getattr(recipe, key) != value for key, value in SHIPPED.items())
    if entry is None or recipe.name not in SCHEMES or edited:
        return recipe
    return replace(recipe, **entry.quantization)


def own_text(model: str, scheme: str) -> str:
    """Return the TOML text that states a recipe's keys, with those that a network replaces.

    The text is that of the recipe's file, or of its start's, if the network replaces none.

    Args:
        model: name or path of the model as the user gave it (`Source.given`).
        scheme: stem or path of a file of `quantize/`.

    Raises:
        RecipeError: there is no recipe of that name, or it is invalid.
    """
    recipe = quantize_recipe(scheme)
    own = with_own_keys(model, recipe)
    if own == recipe:
        return quantize_recipe_text(scheme)
    return quantize_recipe_toml(replace(own, when_over_budget="nothing"))
