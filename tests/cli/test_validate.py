"""`validate`, and the hook that calls it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Run
from tests.conftest import CHECKOUT
from tests.docs.blocks import blocks


@pytest.fixture
def project(run: Run, tmp_path: Path) -> Path:
    run("init", tmp_path)
    return tmp_path


def test_the_recipes_that_ship_are_right(run: Run, project: Path) -> None:
    files = sorted(project.rglob("*.toml"))
    outcome = run("validate", *files)
    assert outcome.code == 0
    assert outcome.out == f"{len(files)} files, 0 wrong.\n"


def test_every_wrong_file_is_named_with_what_is_wrong(run: Run, project: Path) -> None:
    recipe, scheme = project / "export" / "tflite-int8.toml", project / "quantize" / "int8.toml"
    baseline = project / "baseline.json"
    recipe.write_text(recipe.read_text().replace('format = "tflite"', 'format = "tflight"'))
    baseline.write_text("{}")
    outcome = run("validate", recipe, scheme, baseline)
    assert outcome.code == 3
    first, second, last = outcome.out.splitlines()
    assert str(recipe) in first
    assert "tflight" in first
    assert str(baseline) in second
    assert last == "3 files, 2 wrong."
    rows = json.loads(run("validate", recipe, scheme, "--json").out)
    assert [row["error"] is None for row in rows] == [False, True]


def test_a_scheme_that_names_no_recipe_is_wrong(run: Run, project: Path) -> None:
    recipe = project / "export" / "tflite-int8.toml"
    recipe.write_text(re.sub(r'scheme = ".*"', 'scheme = "int8-fst"', recipe.read_text()))
    outcome = run("validate", recipe)
    assert outcome.code == 3
    assert str(recipe) in outcome.out
    assert f"no quantization recipe 'int8-fst' in {project / 'quantize'}." in outcome.out
    assert "Did you mean 'int8-fast'?" in outcome.out
    recipe.write_text(recipe.read_text().replace('"int8-fst"', '"gone.toml"'))
    assert "There is no file gone.toml." in run("validate", recipe).out


def test_a_scheme_is_looked_for_beside_its_recipe_else_among_those_that_ship(
    run: Run, project: Path
) -> None:
    recipe, own = project / "export" / "tflite-int8.toml", project / "quantize" / "ours.toml"
    recipe.write_text(re.sub(r'scheme = ".*"', 'scheme = "ours"', recipe.read_text()))
    own.write_bytes((project / "quantize" / "int8.toml").read_bytes())
    assert run("validate", recipe).code == 0
    for path in own.parent.iterdir():
        path.unlink()
    assert run("validate", recipe).code == 3
    recipe.write_text(recipe.read_text().replace('scheme = "ours"', 'scheme = "int8"'))
    assert run("validate", recipe).code == 0


def test_a_file_of_another_kind_is_refused(run: Run, project: Path) -> None:
    other = project / "pyproject.toml"
    other.write_text("")
    outcome = run("validate", other)
    assert outcome.code == 2
    assert "no recipe of export/ or quantize/" in " ".join(outcome.err.split())


def test_the_hook_of_the_page_reads_the_files_of_a_project(run: Run, project: Path) -> None:
    (source,) = blocks(CHECKOUT / "docs" / "pipelines.md", "yaml")
    ((hook,),) = [repo["hooks"] for repo in yaml.safe_load(source)["repos"]]
    (project / "pyproject.toml").write_text("")
    paths = [path.relative_to(project).as_posix() for path in project.rglob("*.toml")]
    chosen = [path for path in paths if re.search(hook["files"], path)]
    assert set(paths) - set(chosen) == {"pyproject.toml"}
    program, command = shlex.split(hook["entry"])
    assert program == "edge-imgq"
    assert run(command, *(project / path for path in chosen)).code == 0


def test_an_old_name_of_a_pass_is_a_note_and_no_fault(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "quantize" / "own.toml"
    path.parent.mkdir()
    path.write_text('summary = ""\nobserver = "min-max"\npasses = ["shuffle-order"]\n')
    outcome = run("validate", str(path))
    assert (outcome.code, outcome.err.count("\n")) == (0, 1)
    assert "the pass 'shuffle-order' is now called 'crd-to-dcr'" in outcome.err
