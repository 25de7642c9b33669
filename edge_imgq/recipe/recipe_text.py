"""A quantization recipe that was made in Python, as the text of a file of `quantize/`."""

from __future__ import annotations

import json
from typing import Any

from edge_imgq.recipe.quantize import QuantizeRecipe, recipe_values


def quantize_recipe_toml(recipe: QuantizeRecipe) -> str:
    """Return the text that `read_quantize_recipe` reads the same recipe from, name and start aside.

    Args:
        recipe: as it is; a recipe that was read from a `start` states all keys here.
    """
    values = recipe_values(recipe)
    precision = values.pop("precision")
    lines = [f"{key} = {_literal(value)}" for key, value in values.items()]
    if precision:
        lines += ["", "[precision]"]
        lines += [f"{_literal(key)} = {_literal(value)}" for key, value in precision.items()]
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    """Return a string, number or list of strings: TOML writes those as JSON does."""
    return json.dumps(value, ensure_ascii=False)
