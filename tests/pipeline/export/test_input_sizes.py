"""The `size` of a user's recipe counts for models of any size; recipes that ship ask for --size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.pipeline.export.input_sizes import input_sizes, own_recipes, sizes_to_open
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.recipe.export import ExportRecipe
from edge_imgq.recipe.folders import export_recipes
from tests.small_models import tiny_model


@pytest.fixture
def open_sized(tmp_path: Path) -> Path:
    """Return a network that takes images of any size."""
    onnx.save(tiny_model(), tmp_path / "own.onnx")
    return tmp_path / "own.onnx"


@pytest.fixture
def recipe() -> ExportRecipe:
    (found,) = (one for one in export_recipes() if one.name == "onnx-float")
    return replace(found, size=(24, 40))


def test_a_recipe_of_the_users_says_the_size_and_one_that_ships_does_not(
    open_sized: Path, recipe: ExportRecipe
) -> None:
    assert own_recipes(["onnx-float"], [recipe]) == ()
    own = own_recipes([recipe], [recipe])
    assert own == ("onnx-float",)
    assert sizes_to_open(str(open_sized), [recipe], own, ()) == ((24, 40),)
    assert sizes_to_open(str(open_sized), [recipe], (), ()) == ()
    assert sizes_to_open(str(open_sized), [recipe], own, ((8, 8),)) == ((8, 8),)
    source = open_model(str(open_sized), None, ((24, 40),))
    assert input_sizes(source, recipe, own, ()) == ((24, 40),)
    assert input_sizes(source, recipe, own, ((8, 8),)) == ((8, 8),)
    with pytest.raises(ModelError, match="Say which with --size HxW, for example --size 24x40"):
        input_sizes(source, recipe, (), ())


def test_a_model_of_a_fixed_size_keeps_it(tmp_path: Path, recipe: ExportRecipe) -> None:
    path = tmp_path / "fixed.onnx"
    model = tiny_model()
    for axis, side in ((2, 32), (3, 48)):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = side
    onnx.save(model, path)
    own = own_recipes([recipe], [recipe])
    assert sizes_to_open(str(path), [recipe], own, ()) == ()
    assert input_sizes(open_model(str(path)), recipe, own, ()) == ((32, 48),)
