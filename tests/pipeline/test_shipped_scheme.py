"""Keys of a shipped recipe that a network of the zoo replaces, and recipes that are followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import edge_imgq as eiq
from edge_imgq.models.zoo import ZOO
from edge_imgq.pipeline.shipped_scheme import SCHEMES, own_text, with_own_keys
from edge_imgq.recipe.folders import quantize_recipe, quantize_recipe_text
from edge_imgq.recipe.quantize import QuantizeRecipe, read_quantize_recipe

OWN = ("wider", 8.0)


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_a_network_replaces_the_keys_that_its_row_states_and_no_other(name: str) -> None:
    shipped = quantize_recipe(name)
    recipe = with_own_keys("fsrcnn-x2", shipped)
    assert (recipe.copies, recipe.noise_for_time) == OWN
    assert replace(recipe, copies=shipped.copies, noise_for_time=2.0) == shipped


@pytest.mark.parametrize("model", [*sorted(ZOO.keys() - {"fsrcnn-x2"}), "", "run/x.safetensors"])
def test_other_models_follow_the_recipe(model: str) -> None:
    assert with_own_keys(model, quantize_recipe("int8")) == quantize_recipe("int8")


@pytest.mark.parametrize("name", ["int8-fast", "int8-symmetric"])
def test_a_recipe_without_copies_in_tiles_is_followed(name: str) -> None:
    assert with_own_keys("fsrcnn-x2", quantize_recipe(name)) == quantize_recipe(name)


@pytest.mark.parametrize("edited", [{"copies": "spare"}, {"noise_for_time": 3.0}])
def test_an_edited_recipe_is_followed(edited: dict[str, Any]) -> None:
    recipe = replace(quantize_recipe("int8"), **edited)
    assert with_own_keys("fsrcnn-x2", recipe) == recipe


def test_a_recipe_with_a_name_of_its_own_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(quantize_recipe_text("int8"), encoding="utf-8")
    assert with_own_keys("fsrcnn-x2", quantize_recipe(str(path))).copies == "tiles"


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_the_text_states_the_keys_that_were_used(tmp_path: Path, name: str) -> None:
    path = tmp_path / "again.toml"
    path.write_text(own_text("fsrcnn-x2", name), encoding="utf-8")
    used = with_own_keys("fsrcnn-x2", quantize_recipe(name))
    again = replace(used, name="again", start="", when_over_budget="nothing")
    assert read_quantize_recipe(path) == again
    assert own_text("fsrcnn-x3", name) == quantize_recipe_text(name)


class StoppedError(Exception):
    """Raised instead of quantizing, with the recipe to quantize by."""


def stop(*arguments: Any) -> None:
    (recipe,) = (a for a in arguments if isinstance(a, QuantizeRecipe))
    raise StoppedError(recipe)


def stop_export(_source: object, _recipes: object, schemes: dict[str, Any], _sizes: object) -> None:
    stop(schemes["int8"])


WAYS: dict[str, tuple[str, Callable[..., None], Callable[..., object]]] = {
    "export": (
        "edge_imgq.pipeline.export.export.target_plans",
        stop_export,
        lambda out, scheme: eiq.export("fsrcnn-x2", targets="onnx-int8", output=out, scheme=scheme),
    ),
    "quantize": (
        "edge_imgq.pipeline.quantize.quantize_source",
        stop,
        lambda out, scheme: eiq.quantize("fsrcnn-x2", scheme or "int8"),
    ),
    "sensitivity": (
        "edge_imgq.pipeline.sensitivity.sensitivity.quantize_source",
        stop,
        lambda out, scheme: eiq.sensitivity("fsrcnn-x2", scheme=scheme or "int8", output=out),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_quantizes_uses_the_keys_unless_it_is_given_a_recipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    where, instead, call = WAYS[way]
    monkeypatch.setattr(where, instead)
    with pytest.raises(StoppedError) as used:
        call(tmp_path, None)
    recipe = used.value.args[0]
    assert (recipe.copies, recipe.noise_for_time) == OWN
    with pytest.raises(StoppedError) as given:
        call(tmp_path, quantize_recipe("int8"))
    assert given.value.args[0] == quantize_recipe("int8")
