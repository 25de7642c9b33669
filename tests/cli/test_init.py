"""`init` writes the recipes, and commands beside them use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.recipe.folders import export_recipes, shipped_folder
from edge_imgq.recipe.manifest import read_manifest
from tests.cli.conftest import Run


def test_init_writes_the_shipped_recipes_and_says_so(run: Run, tmp_path: Path) -> None:
    outcome = run("init", tmp_path)
    assert outcome.code == 0
    for stage in ("export", "quantize", "calibration_data"):
        for file in shipped_folder(stage).iterdir():
            assert (tmp_path / stage / file.name).read_bytes() == file.read_bytes()
            assert str(tmp_path / stage / file.name) in outcome.out.splitlines()
    assert len(export_recipes(tmp_path)) == len(export_recipes(Path("/nowhere")))
    assert read_manifest(tmp_path / "calibration_data" / "manifest.toml")


def test_init_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "quantize").mkdir()
    outcome = run("init", tmp_path)
    assert outcome.code == 2
    assert "quantize exists already" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["quantize"]


def test_commands_beside_the_written_folders_use_them(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init", tmp_path)
    recipe = tmp_path / "export" / "tflite-int8.toml"
    recipe.rename(recipe.with_stem("tflite-int8-phone"))
    monkeypatch.chdir(tmp_path)
    outcome = run("export", "--target", "nothing")
    assert "tflite-int8-phone" in outcome.err
