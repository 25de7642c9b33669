"""Serialisation of a quantization recipe to the TOML of `quantize/`."""

from __future__ import annotations

import json
from typing import Any

from edge_imgq.recipe.quantize import QuantizeRecipe, recipe_values


def quantize_recipe_toml(recipe: QuantizeRecipe) -> str:
    """Return a recipe as the TOML text of a file of `quantize/`.

    All keys are stated, defaults too. Name and `start` are not written: reading the text gives the
    same recipe under the file's name and without a start.
    """
    values = recipe_values(recipe)
    precision = values.pop("precision")
    lines = [f"{key} = {_literal(value)}" for key, value in values.items()]
    if precision:
        lines += ["", "[precision]"]
        lines += [f"{_literal(key)} = {_literal(value)}" for key, value in precision.items()]
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    """Return a string, number or list of strings as a TOML literal, equal to JSON here."""
    return json.dumps(value, ensure_ascii=False)
