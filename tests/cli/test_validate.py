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
    assert run("validate", project, files[0]).out == outcome.out
    (project / "empty").mkdir()
    assert "has no recipes" in run("validate", project / "empty").err


def test_a_wrong_recipe_of_a_folder_is_named(run: Run, project: Path) -> None:
    recipe = project / "export" / "tflite-int8.toml"
    recipe.write_text(recipe.read_text().replace("summary", "sumary"))
    for folder in (project, project / "export"):
        outcome = run("validate", folder)
        assert (outcome.code, str(recipe) in outcome.out) == (3, True)
    assert run("validate", project / "quantize").code == 0


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
    assert [len(row["errors"]) for row in rows] == [1, 0]


def test_all_errors_of_a_file_are_told_with_their_lines(run: Run, project: Path) -> None:
    recipe, scheme = project / "export" / "tflite-int8.toml", project / "quantize" / "int8.toml"
    manifest = project / "calibration_data" / "manifest.toml"
    for path, *changes in [
        (recipe, ("size = [180, 320]", "size = [180]"), ("psnr_drop =", "psnr_dorp =")),
        (recipe, ("psnr_vs_reference = 35.0", "psnr_vs_reference = 1e9")),
        (recipe, ("conversion_within_1 = 0.999", "conversion_within_1 = 1.5")),
        (scheme, ("observer = ", 'observer = "msee"  # '), ("tuning = ", "tuning = inf  # ")),
        (manifest, ('split = "evaluation"', 'split = "test"')),
    ]:
        text = path.read_text()
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after, 1)
        path.write_text(text)
    outcome = run("validate", recipe, scheme, manifest)
    assert outcome.code == 3
    *said, last = outcome.out.splitlines()
    assert last == "3 files, 3 wrong."
    wrong = ["'size'", "'psnr_dorp'", "'psnr_vs_reference'", "'conversion_within_1'"]
    wrong += ["'observer'", "'tuning'", "'split'"]
    assert len(said) == len(wrong), said
    for sentence, key in zip(said, wrong, strict=True):
        assert key in sentence
        path, line = re.match(r"(.*), line (\d+): ", sentence).groups()
        assert key.strip("'") in Path(path).read_text().splitlines()[int(line) - 1]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("psnr_drop = 0.35", "psnr_drop = -0.1", "dB from 0 to 100, not -0.1"),
        ("psnr_drop = 0.35", "psnr_drop = nan", "dB from 0 to 100, not nan"),
        ("psnr_drop = 0.35", "psnr_drop = 0.9", "so that 'psnr_drop' would never decide"),
        ("conversion_within_1 = 0.999", "conversion_within_1 = 99.9", "a share from 0 to 1"),
        ("size = [180, 320]", "size = [180, 3200000]", "from 1 to 65535"),
    ],
)
def test_a_value_that_means_nothing_is_refused(
    run: Run, project: Path, before: str, after: str, words: str
) -> None:
    recipe = project / "export" / "tflite-int8.toml"
    assert before in recipe.read_text()
    recipe.write_text(recipe.read_text().replace(before, after))
    outcome = run("validate", recipe)
    assert outcome.code == 3
    assert words in outcome.out


def test_a_manifest_without_tables_and_a_negative_tolerance_are_refused(
    run: Run, project: Path
) -> None:
    manifest = project / "calibration_data" / "manifest.toml"
    manifest.write_text("image = [1]\n")
    baseline = project / "baseline.json"
    tolerances = {"psnr": -1.0, "drop_mean": "much"}
    baseline.write_text(json.dumps({"schema": 4, "tolerances": tolerances, "models": {}}))
    outcome = run("validate", manifest, baseline)
    assert outcome.code == 3
    assert "line 1: 'image' must be an array of tables, not [1]" in outcome.out
    assert "'psnr' must be 0 or more, not -1" in outcome.out
    assert "'drop_mean' must be a number, not \"much\"" in outcome.out


def test_a_scheme_that_names_no_recipe_is_wrong(run: Run, project: Path) -> None:
    recipe = project / "export" / "tflite-int8.toml"
    recipe.write_text(re.sub(r'scheme = ".*"', 'scheme = "int8-fst"', recipe.read_text()))
    outcome = run("validate", recipe)
    assert outcome.code == 3
    assert str(recipe) in outcome.out
    assert f"no quantization recipe 'int8-fst' in {project / 'quantize'}." in outcome.out
    assert "Did you mean 'int8-fast'?" in outcome.out
    recipe.write_text(recipe.read_text().replace('"int8-fst"', '"gone.toml"'))
    assert "There is no file gone.toml; correct the path." in run("validate", recipe).out


def test_the_scheme_of_a_recipe_is_read_too(run: Run, project: Path) -> None:
    recipe, scheme = project / "export" / "tflite-int8.toml", project / "quantize" / "int8.toml"
    scheme.write_text(scheme.read_text().replace("observer = ", "observor = "))
    outcome = run("validate", recipe)
    assert outcome.code == 3
    first, *_, last = outcome.out.splitlines()
    assert first.startswith(f"{recipe}: its scheme is wrong. {scheme}, line ")
    assert "'observor'" in first
    assert last == "1 file, 1 wrong."


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
    assert "neither a recipe of export/ or quantize/" in " ".join(outcome.err.split())


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
