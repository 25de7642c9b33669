"""`assess` and `enhance --auto` as a person runs them, with the weights that ship."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from edge_imgq.images.files import read_rgb, write_image
from tests.cli.conftest import Run

CLEAN = data.coffee()[:192, :256]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one photograph that is noisy and one that is not."""
    path = tmp_path_factory.mktemp("photos")
    write_image(path / "clean.png", CLEAN)
    noise = np.random.default_rng(0).normal(0.0, 25.0, CLEAN.shape)
    write_image(path / "noisy.png", np.clip(CLEAN + noise, 0, 255).astype(np.uint8))
    return path


def test_a_noisy_photograph_gets_its_noise_and_the_command_that_removes_it(
    run: Run, folder: Path
) -> None:
    outcome = run("assess", folder / "noisy.png")
    assert outcome.code == 0, outcome.err
    assert f"{folder / 'noisy.png'} (192 high, 256 wide)" in outcome.out
    assert "advice: denoise-slim" in outcome.out
    assert f"edge-imgq enhance {folder / 'noisy.png'} -o out --model denoise-slim" in outcome.out
    assert max(map(len, outcome.out.splitlines()[1:-1])) <= 80


def test_json_has_numbers_units_and_advice(run: Run, folder: Path) -> None:
    clean, noisy = json.loads(run("assess", folder, "--json").out)
    assert (clean["advice"], noisy["advice"]) == ([], ["denoise-slim"])
    assert noisy["noise"]["unit"] == "levels"
    assert noisy["noise"]["value"] == pytest.approx(25.0, abs=4.0)
    assert noisy["noise"]["uncertainty"] > 0
    assert noisy["classical"]["noise"] == pytest.approx(25.0 * 0.57, abs=4.0), "of luma"


def test_what_is_no_image_is_left_out_and_named(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no image")
    outcome = run("assess", folder / "clean.png", tmp_path / "no.png")
    assert outcome.code == 4
    assert "advice: leave it as it is" in outcome.out
    assert f"left out: {tmp_path / 'no.png'}" in outcome.err
    assert run("assess", tmp_path / "no.png").code == 4


def test_auto_repairs_what_needs_it_and_leaves_the_rest(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    outcome = run("enhance", folder, "--auto", "-o", tmp_path, "--json")
    assert outcome.code == 0, outcome.err
    clean, noisy = json.loads(outcome.out)
    assert (clean["models"], noisy["models"]) == ([], ["denoise-slim"])
    assert np.array_equal(read_rgb(tmp_path / "clean.png"), CLEAN)
    before, after = (
        np.square(read_rgb(path / "noisy.png").astype(float) - CLEAN).mean()
        for path in (folder, tmp_path)
    )
    assert after < 0.8 * before


def test_a_jpeg_that_is_left_alone_keeps_its_pixels(run: Run, tmp_path: Path) -> None:
    photo = tmp_path / "clean.jpg"
    Image.fromarray(CLEAN).save(photo, quality=97, subsampling=0)
    outcome = run("enhance", photo, "--auto", "-o", tmp_path / "out")
    assert "left as it is" in outcome.out
    assert np.array_equal(read_rgb(tmp_path / "out" / "clean.jpg"), read_rgb(photo))


def test_a_tiny_photograph_is_assessed_without_formulas_and_the_others_go_on(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    tiny = [tmp_path / f"{side}.png" for side in (1, 2, 4, 15)]
    for path in tiny:
        write_image(path, CLEAN[: int(path.stem), : int(path.stem)])
    outcome = run("assess", *tiny)
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("skipped: the formulas need 16 pixels on each side") == len(tiny)
    found = json.loads(run("assess", *tiny, "--json").out)
    reason = {"skipped": "the formulas need 16 pixels on each side"}
    assert [one["classical"] for one in found] == [reason] * len(tiny)
    outcome = run("enhance", *tiny, folder / "noisy.png", "--auto", "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert len(list((tmp_path / "out").iterdir())) == len(tiny) + 1


@pytest.mark.parametrize("words", [("--auto", "--model", "fsrcnn-x2"), ()])
def test_either_networks_or_auto(run: Run, folder: Path, tmp_path: Path, words: tuple) -> None:
    outcome = run("enhance", folder / "clean.png", "-o", tmp_path, *words)
    assert outcome.code == 2
    assert "--auto" in outcome.err
