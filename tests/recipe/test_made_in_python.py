"""Recipes that are made in Python go through the checks of those that are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_imgq.errors import RecipeError
from edge_imgq.recipe.export import checked_export
from edge_imgq.recipe.folders import export_recipes, quantize_recipe, shipped_folder
from edge_imgq.recipe.mixed_precision import with_precision
from edge_imgq.recipe.quantize import checked_quantize, read_quantize_recipe
from edge_imgq.recipe.recipe_text import quantize_recipe_toml

SCHEMES = sorted(path.stem for path in shipped_folder("quantize").glob("*.toml"))


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_that_ships_is_the_same_after_the_checks(name: str) -> None:
    recipe = quantize_recipe(name)
    assert checked_quantize(recipe) == recipe


@pytest.mark.parametrize("recipe", export_recipes(), ids=lambda recipe: recipe.name)
def test_every_target_that_ships_is_the_same_after_the_checks(recipe) -> None:
    assert checked_export(recipe) == recipe


@pytest.mark.parametrize("name", SCHEMES)
def test_the_text_of_a_scheme_reads_back(name: str, tmp_path: Path) -> None:
    recipe = replace(quantize_recipe(name), start="")
    path = tmp_path / f"{name}.toml"
    path.write_text(quantize_recipe_toml(recipe))
    assert read_quantize_recipe(path) == recipe
    layers = {"node_Conv_1": "float", 'a "quoted" name': "int8"}
    path.write_text(with_precision(quantize_recipe_toml(recipe), layers, "because"))
    mixed = replace(recipe, precision=layers, when_over_budget="nothing")
    assert read_quantize_recipe(path) == mixed
    path.write_text(quantize_recipe_toml(mixed))
    assert read_quantize_recipe(path) == mixed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"observer": "msee"},
            r"The recipe 'int8': 'observer' is \"msee\"; it must be one",
        ),
        ({"tuning": -1}, "'tuning' is the number of steps"),
        ({"tuning": "many"}, "'tuning' must be a number, not \"many\""),
        ({"noise_for_time": 101}, "'noise_for_time' must be from 0 to 100 percent, not 101"),
        ({"precision": {"a": "int16"}}, r"\[precision\]: 'a' is \"int16\""),
        ({"passes": "sign-split"}, "'passes' must be a list"),
        ({"name": "a/b"}, "'a/b' cannot be a recipe's name"),
        ({"name": ""}, "'' cannot be a recipe's name"),
    ],
)
def test_a_scheme_of_wrong_values_is_refused(change: dict, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        checked_quantize(replace(quantize_recipe("int8"), **change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "onxx"}, r"'format' is \"onxx\"; it must be one of onnx"),
        ({"size": (0, 3)}, "two whole numbers"),
        ({"scheme": ""}, "The recipe 'tflite-int8': 'scheme' names a recipe of quantize/"),
        ({"processor": "gpu"}, 'the processor "gpu" belongs to float TFLite files'),
        ({"name": "../x"}, "'../x' cannot be a recipe's name"),
    ],
)
def test_a_target_of_wrong_values_is_refused(change: dict, said: str) -> None:
    (recipe,) = (recipe for recipe in export_recipes() if recipe.name == "tflite-int8")
    with pytest.raises(RecipeError, match=said):
        checked_export(replace(recipe, **change))
