"""Recipes name passes by names that exist; old names still work, and say what they are now."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from edge_imgq.errors import RecipeError
from edge_imgq.graph.rewrite import PASSES
from edge_imgq.recipe.folders import shipped_folder
from edge_imgq.recipe.passes import PASS_NAMES, RENAMED, RenamedPassWarning
from edge_imgq.recipe.quantize import read_quantize_recipe


def recipe(folder: Path, *passes: str) -> Path:
    path = folder / "quantize" / "own.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'summary = ""\nobserver = "min-max"\npasses = {list(passes)}\n')
    return path


def test_the_names_are_those_of_the_passes_that_are_applied() -> None:
    assert tuple(PASSES) == PASS_NAMES
    assert set(RENAMED.values()) <= PASSES.keys()
    assert not RENAMED.keys() & PASSES.keys()


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_name_is_the_pass_of_the_new_one_and_says_so(
    old: str, new: str, tmp_path: Path
) -> None:
    with pytest.warns(RenamedPassWarning, match=f"'{old}' is now called '{new}'"):
        assert read_quantize_recipe(recipe(tmp_path, "canonical", old)).passes == ("canonical", new)


def test_recipes_that_ship_use_no_old_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RenamedPassWarning)
        for path in shipped_folder("quantize").glob("*.toml"):
            read_quantize_recipe(path)


def test_a_misspelt_pass_is_refused_when_the_recipe_is_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"\"sub-pixels\".*Did you mean"):
        read_quantize_recipe(recipe(tmp_path, "sub-pixels"))
