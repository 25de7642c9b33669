"""`edge-imgq sensitivity`, and an export that obeys what it chose."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_imgq.pipeline.sensitivity import fidelity_of
from edge_imgq.recipe.quantize import read_quantize_recipe
from tests.cli.conftest import Run


@pytest.fixture
def words(tiny: Path, photos: Path, tmp_path: Path) -> tuple[object, ...]:
    calibration = photos / "calibration"
    return ("sensitivity", tiny, "--calibration", calibration, "--output", tmp_path / "out")


def test_the_table_is_narrow_and_json_and_picture_are_written(
    run: Run, words: tuple[object, ...], tmp_path: Path
) -> None:
    outcome = run(*words)
    assert outcome.code == 0, outcome.err
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert outcome.out.count("Conv  int8") == 2
    folder = tmp_path / "out" / "tiny"
    assert sorted(path.name for path in folder.iterdir()) == ["sensitivity.json", "sensitivity.png"]
    with Image.open(folder / "sensitivity.png") as picture:
        assert picture.mode == "RGB"
    found = json.loads((folder / "sensitivity.json").read_text())
    assert [layer["kind"] for layer in found["layers"]] == ["Conv", "Conv"]
    assert json.loads(run(*words, "--json").out) == found


def test_an_export_obeys_the_recipe_that_a_fidelity_asks_for(
    run: Run, words: tuple[object, ...], exporting: tuple[object, ...], tmp_path: Path
) -> None:
    before = json.loads(run(*words, "--json").out)
    wanted = before["psnr"] + 0.1
    outcome = run(*words, "--fidelity", wanted, "--json")
    assert outcome.code == 0, outcome.err
    choice = json.loads(outcome.out)["choice"]
    assert choice["reached"] >= wanted
    recipe = tmp_path / "out" / "tiny" / "mixed.toml"
    assert read_quantize_recipe(recipe).precision == dict.fromkeys(choice["layers"], "float")
    code = run(*exporting, "--scheme", recipe, "--output", tmp_path / "out", "--json").code
    assert code in (0, 1)
    report = json.loads((tmp_path / "out" / "tiny" / "report.json").read_text())
    (scheme,) = report["schemes"]
    assert scheme["scheme"] == "mixed"
    assert max(step["psnr"] for step in scheme["steps"]) == pytest.approx(choice["reached"])
    found = {t["target"]: t["vs_reference"]["mean"] for t in report["targets"]}
    assert found["tflite-int8"] == pytest.approx(found["onnx-int8"], abs=0.1)


def test_a_recipe_is_changed_in_its_precision_alone(
    run: Run, words: tuple[object, ...], tmp_path: Path
) -> None:
    assert run(*words, "--fidelity", 1).code == 0
    recipe = tmp_path / "out" / "tiny" / "mixed.toml"
    assert run(*words, "--fidelity", 2, "--scheme", recipe).code == 0
    assert recipe.read_text().count("[precision]") == 1
    assert read_quantize_recipe(recipe).precision == {}


def test_a_fidelity_beyond_8_bits_exits_with_1_and_leaves_nothing(
    run: Run, words: tuple[object, ...], tmp_path: Path
) -> None:
    outcome = run(*words, "--fidelity", 80)
    assert outcome.code == 1
    assert "Pixels of 8 bits alone" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_budget_without_a_truth_exits_with_2(run: Run, words: tuple[object, ...]) -> None:
    outcome = run(*words, "--budget", 0.1)
    assert outcome.code == 2
    assert "--fidelity" in outcome.err


def test_the_fidelity_for_a_drop_is_that_of_independent_errors() -> None:
    generator = np.random.default_rng(2)
    losses, tasks = [], []
    for deviation in (0.01, 0.03):
        error = generator.normal(0, deviation, 400_000)
        tasks.append(-10 * np.log10(np.mean(error**2)))
    noise = generator.normal(0, 10 ** (-fidelity_of(0.25, tasks) / 20), 400_000)
    for deviation, task in zip((0.01, 0.03), tasks, strict=True):
        error = generator.normal(0, deviation, 400_000)
        losses.append(task + 10 * np.log10(np.mean((error + noise) ** 2)))
    assert np.mean(losses) == pytest.approx(0.25, abs=0.02)
