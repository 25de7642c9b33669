"""The profile of a recipe's processor reaches the passes, the quantizer and the writer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import onnx_ir as ir
import pytest
from skimage import data

import edge_imgq as eiq
from edge_imgq.errors import RecipeError
from edge_imgq.kernels.arm import ARM_DOT
from edge_imgq.kernels.processors import DEFAULT, OF_PROCESSOR
from edge_imgq.kernels.profile import ActivationCost, KernelProfile
from edge_imgq.kernels.tile import Tile
from edge_imgq.pipeline.export.write_targets import ExportPlan
from edge_imgq.recipe.export import ExportRecipe
from edge_imgq.recipe.folders import export_recipes
from tests.kernels.build import stack

FREE = ActivationCost(prelu=0, remainder=0, leaky=0)
OTHER = replace(DEFAULT, name="other", activations=FREE, float32=Tile(outputs=1))


@pytest.mark.parametrize("kernels", [DEFAULT, OTHER], ids=lambda kernels: kernels.name)
def test_a_recipes_processor_decides_on_splits_and_forms(
    kernels: KernelProfile, small_patches: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OF_PROCESSOR, "cpu", kernels)
    network = ir.to_proto(stack(12))
    photos = [scene[100:160, 100:180] for scene in (data.astronaut(), data.coffee())]
    made = eiq.export(
        eiq.open(network, name="stack"),
        targets=["tflite-float", "tflite-int8"],
        output=tmp_path,
        calibration=photos,
        images=[data.chelsea()[100:160, 100:180]],
        sizes=(48, 64),
        scheme="int8-fast",
        bench=False,
    )
    graph = onnx.load(made.folder / "reference" / "int8-fast.onnx").graph
    is_split = all(node.op_type != "PRelu" for node in graph.node)
    written = eiq.inspect(made["tflite-float"].path).description.operators
    in_blocks = any(row.kind == "DEPTH_TO_SPACE" for row in written)
    assert (is_split, in_blocks) == (kernels is DEFAULT, kernels is DEFAULT)


def recipes_for(*processors: str) -> tuple[ExportRecipe, ...]:
    (int8,) = (recipe for recipe in export_recipes() if recipe.name == "tflite-int8")
    return tuple(replace(int8, processor=named) for named in processors)


def with_recipes(*recipes: ExportRecipe) -> ExportPlan:
    """Return a plan of recipes, and of nothing else."""
    found = ExportPlan.__new__(ExportPlan)
    object.__setattr__(found, "recipes", recipes)
    return found


def test_a_graph_that_all_int8_files_share_is_for_the_processor_of_the_tflite_file() -> None:
    (other,) = (recipe for recipe in export_recipes() if recipe.name == "onnx-int8")
    for order in (("cpu:arm", "qualcomm:sm8750"), ("qualcomm:sm8750", "cpu:arm")):
        assert with_recipes(other, *recipes_for(*order)).kernels_of("int8") is ARM_DOT
    assert with_recipes(other).kernels_of("int8") is DEFAULT


def test_files_for_two_processors_do_not_share_a_graph() -> None:
    plan = with_recipes(*recipes_for("cpu:arm", "cpu:x86"))
    with pytest.raises(RecipeError, match="are for cpu:arm and cpu:x86, and share one graph"):
        plan.kernels_of("int8")
