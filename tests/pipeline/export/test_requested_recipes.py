"""A recipe that is not valid fails the targets that need it, and no other."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.pipeline.export.failures import Failures
from edge_imgq.pipeline.export.requested_recipes import requested_recipes, warn_of_invalid
from edge_imgq.recipe.folders import export_recipes, shipped_folder, valid_recipes
from edge_imgq.recipe.recipe_warning import InvalidRecipeWarning


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with recipes, which is the working directory."""
    for stage in ("export", "quantize"):
        shutil.copytree(shipped_folder(stage), tmp_path / stage)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spoil(recipe: Path) -> None:
    recipe.write_text(re.sub(r"(?m)^(summary|observer) =", "wrong =", recipe.read_text()))


def names(*targets: str, failures: Failures, scheme: str = "") -> list[str]:
    return [recipe.name for recipe in requested_recipes(targets, scheme, failures)[0]]


def test_an_invalid_recipe_fails_its_own_target(project: Path) -> None:
    spoil(project / "export" / "tflite-gpu.toml")
    failures = Failures()
    assert names("tflite-int8", failures=failures) == ["tflite-int8"]
    assert failures.reported() == ()
    assert names("tflite", failures=failures) == ["tflite-float", "tflite-int8"]
    (failed,) = failures.reported()
    assert (failed.target, failed.exit_code) == ("tflite-gpu", RecipeError.exit_code)
    assert "tflite-gpu.toml" in failed.reason
    with pytest.warns(InvalidRecipeWarning, match=r"^no file for tflite-gpu: .*tflite-gpu\.toml"):
        warn_of_invalid(failures)
    with pytest.raises(RecipeError, match="tflite-gpu"):
        names("tflite-gpu", failures=Failures())


def test_a_target_that_does_not_exist_is_told_before_invalid_recipes(project: Path) -> None:
    spoil(project / "export" / "tflite-gpu.toml")
    with pytest.raises(UsageError, match=r"'tflite-int4'\. Did you mean .*tflite-gpu"):
        names("tflite-gpu", "tflite-int4", failures=Failures())


def test_an_invalid_scheme_fails_the_targets_that_name_it(project: Path) -> None:
    spoil(project / "quantize" / "int8.toml")
    failures = Failures()
    assert names("tflite-float", "tflite-int8", failures=failures) == ["tflite-float"]
    assert [failed.target for failed in failures.reported()] == ["tflite-int8"]
    assert names("tflite-int8", scheme="int8-fast", failures=Failures()) == ["tflite-int8"]
    with pytest.raises(RecipeError, match=r"int8\.toml"):
        names("tflite-float", "tflite-int8", scheme="int8", failures=Failures())


def test_recipes_that_nothing_needs_may_be_invalid(project: Path) -> None:
    spoil(project / "export" / "tflite-gpu.toml")
    known = valid_recipes(["tflite-int8-48x64"])
    assert "tflite-int8" in [recipe.name for recipe in known]
    assert "tflite-gpu" not in [recipe.name for recipe in known]
    with pytest.raises(RecipeError, match="tflite-gpu"):
        valid_recipes(["tflite-gpu-48x64"])
    with pytest.raises(RecipeError, match="tflite-gpu"):
        export_recipes()
