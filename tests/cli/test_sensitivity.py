"""`edge-imgq sensitivity`, and an export that obeys what it chose."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge_imgq.cli.main import main
from edge_imgq.pipeline.mixed_precision.psnr_goal import PsnrGoal, drop_of, fidelity_of
from edge_imgq.recipe.quantize import read_quantize_recipe
from tests.cli.conftest import Run
from tests.port_networks import with_mask, with_noise_map


@pytest.fixture
def words(tiny: Path, photos: Path, tmp_path: Path) -> tuple[object, ...]:
    calibration = photos / "calibration"
    return ("sensitivity", tiny, "--calibration", calibration, "--output", tmp_path / "out")


@pytest.fixture(scope="module")
def measured(tiny: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what `sensitivity` finds in the tiny network, without further words."""
    output = tmp_path_factory.mktemp("sensitivity")
    words = ("sensitivity", tiny, "--calibration", photos / "calibration", "--output", output)
    assert main([str(word) for word in words]) == 0
    return dict(json.loads((output / "tiny" / "sensitivity.json").read_text()))


def test_the_table_is_narrow_and_json_and_picture_are_written(
    run: Run, words: tuple[object, ...], measured: dict[str, Any], tmp_path: Path
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
    assert found == measured
    assert json.loads(run(*words, "--json").out) == found


def test_an_export_obeys_the_recipe_that_a_fidelity_asks_for(
    run: Run,
    words: tuple[object, ...],
    exporting: tuple[object, ...],
    measured: dict[str, Any],
    tmp_path: Path,
) -> None:
    wanted = measured["psnr"] + 0.1
    outcome = run(*words, "--fidelity", wanted, "--json")
    assert outcome.code == 0, outcome.err
    choice = json.loads(outcome.out)["choice"]
    assert choice["reached"] >= wanted
    recipe = tmp_path / "out" / "tiny" / "mixed.toml"
    assert read_quantize_recipe(recipe).precision == dict.fromkeys(choice["layers"], "float")
    code = run(
        *(*exporting, "--scheme", recipe, "--output", tmp_path / "out", "--json", "--no-bench")
    ).code
    assert code in (0, 1)
    report = json.loads((tmp_path / "out" / "tiny" / "report.json").read_text())
    (scheme,) = report["schemes"]
    assert scheme["scheme"] == "mixed"
    assert max(step["psnr"] for step in scheme["steps"] if step["kept"]) == pytest.approx(
        choice["reached"]
    )
    found = {t["target"]: t["vs_reference"]["mean"] for t in report["targets"]}
    assert found["tflite-int8"] == pytest.approx(found["onnx-int8"], abs=0.1)


def test_the_page_of_an_export_shows_the_layers_of_the_same_model_alone(
    run: Run, tiny: Path, photos: Path, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    """The digest that `sensitivity` keeps is that of the reference that `export` writes."""
    calibration = photos / "calibration"
    words = ("--calibration", calibration, "--output", tmp_path)
    assert run("sensitivity", tiny, "--scheme", "int8-fast", *words).code == 0
    page = tmp_path / "page.html"
    export = (*exporting, "--no-bench", "--output", tmp_path, "--html", page)
    assert run(*export).code in (0, 1)
    assert "<h2>Layers</h2>" in page.read_text()
    path = tmp_path / "tiny" / "sensitivity.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "reference_sha256": "0" * 64}))
    assert run(*export).code in (0, 1)
    text = page.read_text()
    assert "<h2>Layers</h2>" not in text
    assert f"{path} is of another float model than the files" in text


def test_a_recipe_is_changed_in_its_precision_alone(
    run: Run, words: tuple[object, ...], tmp_path: Path
) -> None:
    assert run(*words, "--fidelity", 1).code == 0
    recipe = tmp_path / "out" / "tiny" / "mixed.toml"
    assert run(*words, "--fidelity", 2, "--scheme", recipe).code == 0
    assert recipe.read_text().count("[precision]") == 1
    assert read_quantize_recipe(recipe).precision == {}


def test_a_fidelity_beyond_8_bits_exits_with_2_and_leaves_nothing(
    run: Run, words: tuple[object, ...], tmp_path: Path
) -> None:
    outcome = run(*words, "--fidelity", 80)
    assert outcome.code == 2
    assert "Pixels of 8 bits alone" in outcome.err
    assert "cannot be met by any choice of layers" in outcome.err
    assert "measure layers" not in outcome.err
    assert not (tmp_path / "out").exists()


def test_what_a_refusal_offers_can_be_met(run: Run, words: tuple[object, ...]) -> None:
    refused = run(*words, "--fidelity", 80).err
    offered = re.search(r"leave ([0-9.]+) dB", " ".join(refused.split()))
    assert offered
    outcome = run(*words, "--fidelity", offered[1])
    assert outcome.code == 0, outcome.err


def test_a_limit_is_rounded_to_the_side_that_can_be_met() -> None:
    assert PsnrGoal(60.0).words_within(59.96) == "59.9 dB"
    assert PsnrGoal(60.0).words_within(58.0) == "58.0 dB"
    of_float = (31.7, 35.2)
    said = re.findall(r"[0-9.]+", PsnrGoal(60.0, of_float).words_within(57.96))
    assert float(said[0]) >= drop_of(57.96, of_float)
    assert said[1] == "57.9"


@pytest.mark.parametrize("wrong", ["200", "100", "0", "-3", "many"])
def test_decibels_out_of_range_are_told_both_bounds(
    run: Run, words: tuple[object, ...], wrong: str
) -> None:
    outcome = run(*words, f"--fidelity={wrong}")
    assert outcome.code == 2
    assert f"'{wrong}' is not a number of dB above 0 and below 100" in " ".join(outcome.err.split())


def test_a_budget_without_a_truth_exits_with_2(run: Run, words: tuple[object, ...]) -> None:
    outcome = run(*words, "--budget", 0.1)
    assert outcome.code == 2
    assert "--fidelity" in outcome.err


def test_a_drop_is_that_of_pixels_so_rounding_to_them_does_not_count() -> None:
    generator = np.random.default_rng(5)
    truth = np.rint(generator.uniform(60, 200, 2_000_000))
    images = truth + generator.normal(0, 2.5, truth.shape)

    def decibels(error: np.ndarray) -> float:
        return float(-10 * np.log10(np.mean(error**2) / 255**2))

    task = decibels(np.rint(images) - truth)
    for wanted in (0.002, 0.02, 0.2):
        within = 10 ** (-fidelity_of(wanted, [task]) / 10) * 255**2
        moved = np.rint(images + generator.normal(0, np.sqrt(within - 1 / 12), truth.shape))
        assert decibels(moved - images) == pytest.approx(fidelity_of(wanted, [task]), abs=0.02)
        assert task - decibels(moved - truth) == pytest.approx(wanted, rel=0.15)


def test_images_are_what_is_measured_on(
    run: Run, words: tuple[object, ...], measured: dict[str, Any], photos: Path
) -> None:
    own = photos / "evaluation"
    after = json.loads(run(*words, "--images", own, "--json").out)
    assert "evaluation" in after["calibration"]
    assert after["psnr"] != measured["psnr"]
    wanted = after["psnr"] + 0.1
    choice = json.loads(run(*words, "--images", own, "--fidelity", wanted, "--json").out)["choice"]
    assert choice["reached"] >= wanted


def test_images_that_scales_were_chosen_by_are_refused(
    run: Run, words: tuple[object, ...], photos: Path
) -> None:
    outcome = run(*words, "--images", photos / "calibration")
    assert outcome.code != 0
    assert "in the calibration set" in outcome.err


def test_a_choice_that_is_slower_than_a_float_file_says_so(
    run: Run, words: tuple[object, ...], measured: dict[str, Any], tmp_path: Path
) -> None:
    outcome = run(*words, "--fidelity", measured["psnr"] + 0.1, "--json")
    choice = json.loads(outcome.out)["choice"]
    recipe = (tmp_path / "out" / "tiny" / "mixed.toml").read_text()
    assert choice["time_in_float"] <= choice["time"]  # so small a network is quicker in float
    share = f"{choice['time_in_float']:.2f}"
    said = f"A float file takes about {share} times and loses nothing: ship float."
    assert said in " ".join(recipe.replace("#", "").split())


def test_an_input_is_measured_at_the_number_that_it_is_set_to(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    network = with_noise_map(tmp_path / "noise.onnx")
    words = ("sensitivity", network, "--calibration", photos / "calibration", "--json")
    words = (*words, "--images", photos / "evaluation", "--output", tmp_path / "out")
    found = {}
    for number in ("0", "10/255", "75/255"):
        outcome = run(*words, "--set", f"sigma={number}")
        assert outcome.code == 0, outcome.err
        found[number] = json.loads(outcome.out)
        assert found[number]["calibration"].endswith(f", sigma = {number}")
    # The network adds noise's plane to its first convolution: all noise is not as none.
    assert len({one["psnr"] for one in found.values()}) == 3
    beyond = run(*words, "--set", "sigma=2")
    assert beyond.code == 2
    assert "sigma=plane:0..2" in beyond.err
    unknown = run(*words, "--set", "strength=1")
    assert "has no input 'strength'" in unknown.err


def test_a_mask_is_drawn_and_cannot_be_set(run: Run, photos: Path, tmp_path: Path) -> None:
    network, mask = with_mask(tmp_path / "mask.onnx"), next((photos / "evaluation").iterdir())
    outcome = run("sensitivity", network, "--set", f"mask={mask}", "--output", tmp_path / "out")
    assert outcome.code == 2
    assert "only numbers can be set here" in outcome.err
    assert not (tmp_path / "out").exists()
