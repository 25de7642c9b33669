"""Every recipe that ships is whole, and selection is by stem, glob and family."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.chips import CHIPS
from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.formats import FORMATS
from edge_imgq.graph.rewrite import PASSES
from edge_imgq.recipe.export import chip_target, read_export_recipe, recipe_name, sized_target
from edge_imgq.recipe.folders import (
    export_recipes,
    quantize_recipe,
    quantize_recipe_path,
    select,
    shipped_folder,
)

SHIPPED = sorted(shipped_folder("export").glob("*.toml"))
TARGETS = [
    "coreai-float16", "coreai-int8", "coreml-fp16", "coreml-int8", "executorch-float",
    "executorch-int8", "ncnn-float", "ncnn-fp16", "ncnn-int8", "onnx-float", "onnx-int8",
    "tflite-float", "tflite-gpu", "tflite-int8", "tflite-npu", "tflite-npu16",
]  # fmt: skip
EXECUTORCH = ["executorch-float", "executorch-int8"]
NCNN = ["ncnn-float", "ncnn-fp16", "ncnn-int8"]
CORE_AI = ["coreai-float16", "coreai-int8"]
EXTRA = [*CORE_AI, *EXECUTORCH, *NCNN, "tflite-npu", "tflite-npu16"]
"""Targets whose files a package makes or runs that edge-imgq does not install."""

OF_ALL = [target for target in TARGETS if target not in EXTRA]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_names_what_exists(path: Path) -> None:
    recipe = read_export_recipe(path)
    passes = quantize_recipe(recipe.scheme).passes if recipe.scheme else recipe.passes
    assert set(passes) <= set(PASSES)
    assert recipe.summary
    assert 0 <= recipe.budget.psnr_drop <= recipe.budget.psnr_drop_worst
    least = recipe.budget.conversion_within_1
    kept = FORMATS[recipe.format].precisions[recipe.precision] == "asked" and not recipe.chips
    assert least is None if not kept else 0.999 <= least <= 1


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_key_of_a_shipped_recipe_is_explained(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line]
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith(("[", "psnr_drop_worst")):
            continue
        assert line.startswith("#") or before.startswith("#"), line


def test_the_folder_is_the_target_matrix() -> None:
    assert [recipe.name for recipe in export_recipes(Path("/nowhere"))] == TARGETS


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (["all"], OF_ALL),
        (["*"], OF_ALL),
        (["*-float"], ["onnx-float", "tflite-float"]),
        (["executorch"], EXECUTORCH),
        (["ncnn"], NCNN),
        (["coreai"], CORE_AI),
        (["nc*"], NCNN),
        (["*npu"], ["tflite-npu"]),
        (["tflite-npu*"], ["tflite-npu", "tflite-npu16"]),
        (["tflite*"], ["tflite-float", "tflite-gpu", "tflite-int8"]),
        (["all", "tflite-npu"], [*OF_ALL, "tflite-npu"]),
        (["ncnn-fp16", "onnx-float"], ["ncnn-fp16", "onnx-float"]),
        (["tflite"], ["tflite-float", "tflite-gpu", "tflite-int8"]),
        (["*-int8"], ["coreml-int8", "onnx-int8", "tflite-int8"]),
        (["tflite-int8", "tflite-g*", "onnx-float"], ["onnx-float", "tflite-gpu", "tflite-int8"]),
    ],
)
def test_targets_are_chosen_by_stem_glob_and_family(wanted: list[str], chosen: list[str]) -> None:
    recipes = export_recipes(Path("/nowhere"))
    assert [recipe.name for recipe in select(recipes, wanted)] == chosen


def test_a_target_that_does_not_exist_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(UsageError, match=r"'tflite-int4'\. Did you mean '.*Known: .*'all'"):
        select(export_recipes(Path("/nowhere")), ["tflite-int4"])


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("size =", "sise =", r"unknown key 'sise'\. Did you mean 'size'\?"),
        (
            "psnr_drop_worst = 0.03",
            "psnr_drop_wurst = 0.03",
            r"unknown key 'psnr_drop_wurst'\. Did you mean 'psnr_drop_worst'\?",
        ),
        ("psnr_drop =", "psnr_dorp =", r"unknown key 'psnr_dorp'\. Did you mean 'psnr_drop'\?"),
        ("psnr_drop =", "# psnr_drop =", "the key 'psnr_drop' is missing; it is a number.$"),
        ('format = "tflite"', 'format = "tflight"', "Did you mean 'tflite'"),
        ("size = [180, 320]", "size = [180]", "two whole numbers"),
        ("size = [180, 320]", 'size = "180x320"', r"a list \[height, width\]"),
        ('summary = "', 'sumary = "', "unknown key 'sumary'. Did you mean 'summary'"),
        ('precision = "float32"', 'precision = "int8"', "'scheme' names a recipe"),
        (
            'format = "tflite"\n',
            'format = "onnx"\nprocessor = "gpu"\n',
            '"gpu" belongs to float TFLite',
        ),
        ("[budget]", "[budget", "not valid TOML"),
        ("[budget]", "[budgets]", r"^[^\n]*unknown key 'budgets'\. Did you mean 'budget'[^\n]*$"),
        ('format = "tflite"', "format = tflite", "text stands in quotes"),
        ("size =", "size = [1, 1]\nsize =", "a key stands there twice"),
        ("size = [180, 320]", "size = true", "not true"),
        ("size = [180, 320]", 'size = [180, "320"]', r'not \[180, "320"\]'),
        ("# Least share", "colour = 1\n# Least share", "unknown key 'colour'"),
    ],
)
def test_a_wrong_recipe_is_refused_with_a_sentence(
    tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    text = (shipped_folder("export") / "tflite-float.toml").read_text()
    assert before in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(before, after))
    with pytest.raises(RecipeError, match=sentence) as caught:
        read_export_recipe(path)
    assert "mine.toml" in str(caught.value)


def test_half_precision_is_refused_for_onnx(tmp_path: Path) -> None:
    text = (shipped_folder("export") / "tflite-gpu.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('format = "tflite"', 'format = "onnx"'))
    with pytest.raises(RecipeError, match=r'ONNX files are "float32" or "int8"'):
        read_export_recipe(path)


def test_a_target_of_one_size_belongs_to_its_recipe() -> None:
    assert sized_target("coreml-fp16", (180, 320)) == "coreml-fp16-180x320"
    assert recipe_name("coreml-fp16-180x320") == "coreml-fp16"
    assert recipe_name("tflite-int8") == "tflite-int8"


def test_a_target_of_one_chip_belongs_to_its_recipe() -> None:
    for chip in (*CHIPS.values(), None):
        target = chip_target("tflite-npu", chip)
        assert target != "tflite-npu"
        assert recipe_name(target) == "tflite-npu"
        assert recipe_name(sized_target(target, (180, 320))) == "tflite-npu"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('"qualcomm:sm8450"', '"qualcomm:sm8451"', "Did you mean 'qualcomm:sm8450', "),
        ('"qualcomm:sm8450"', '"cpu"', "several processors of one recipe are all chips"),
        ('"int8"\n\n# How', '"float32"\n\n# How', "'scheme' names a recipe"),
        (
            "psnr_vs_reference = 35.0",
            "psnr_vs_reference = 35.0\nconversion_within_1 = 0.99",
            r"is for ONNX.* files that processors run. NPUs round elsewhere",
        ),
        ('format = "tflite"', 'format = "onnx"', "belongs to int8 TFLite files"),
        ('activations = "int8"', 'activations = "int4"', "it must be one of int8, int16"),
    ],
)
def test_a_wrong_recipe_for_npus_is_refused_with_a_sentence(
    tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    text = (shipped_folder("export") / "tflite-npu.toml").read_text()
    assert text.count(before) == 1
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(before, after))
    with pytest.raises(RecipeError, match=sentence):
        read_export_recipe(path)


def test_one_chip_needs_no_list_and_is_named_once(tmp_path: Path) -> None:
    text = (shipped_folder("export") / "tflite-npu.toml").read_text()
    path = tmp_path / "mine.toml"
    listed = '["qualcomm:sm8450", "qualcomm:sm8650", "qualcomm:sm8750"]'
    assert listed in text
    path.write_text(text.replace(listed, '"qualcomm:sm8750"'))
    assert read_export_recipe(path).chips == ("qualcomm:sm8750",)
    path.write_text(text.replace(listed, '["qualcomm:sm8750", "qualcomm:sm8750"]'))
    assert read_export_recipe(path).chips == ("qualcomm:sm8750",)
    path.write_text(text.replace(listed, "[]"))
    with pytest.raises(RecipeError, match="'processor' must be"):
        read_export_recipe(path)


def test_a_recipe_may_not_be_called_like_one_file_of_another(tmp_path: Path) -> None:
    for name in ("mine-fallback", "mine-sm8750", "mine-180x320"):
        path = tmp_path / f"{name}.toml"
        path.write_text((shipped_folder("export") / "tflite-int8.toml").read_text())
        with pytest.raises(RecipeError, match=f"'{name}' ends as those of single files"):
            read_export_recipe(path)


def test_a_scheme_that_does_not_exist_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(RecipeError, match=r"no quantization recipe 'int4' .* Known: int8"):
        quantize_recipe("int4", Path("/nowhere"))


def test_a_core_ml_recipe_holds_no_share_of_values_to_a_budget(tmp_path: Path) -> None:
    text = (shipped_folder("export") / "coreml-int8.toml").read_text()
    path = tmp_path / "coreml-int8.toml"
    path.write_text(f"{text}conversion_within_1 = 0.98\n")
    with pytest.raises(RecipeError, match=r"is for ONNX.* files\. Core ML rounds to"):
        read_export_recipe(path)


def test_a_recipe_copied_without_its_start_says_what_is_missing(tmp_path: Path) -> None:
    copied = tmp_path / "mine.toml"
    copied.write_bytes(quantize_recipe_path("int8-auto").read_bytes())
    with pytest.raises(RecipeError, match=r"there is no int8\.toml in the same folder"):
        quantize_recipe(str(copied))
    (tmp_path / "int8.toml").write_bytes(quantize_recipe_path("int8").read_bytes())
    assert quantize_recipe(str(copied)).start == "int8"
