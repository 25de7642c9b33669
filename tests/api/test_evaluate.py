"""`evaluate` and `sensitivity`: figures of open models, and the commands' own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import edge_imgq as eiq
from edge_imgq.cli.main import main
from edge_imgq.errors import UsageError
from tests.api.conftest import Pixels


@pytest.fixture
def pairs(photos: list[Pixels], tmp_path: Path) -> Path:
    """Return a folder of pairs; each input is its truth, a tenth darker."""
    for part in ("input", "truth"):
        (tmp_path / "pairs" / part).mkdir(parents=True)
    for number, pixels in enumerate(photos):
        dark = np.rint(0.9 * pixels).astype(np.uint8)
        Image.fromarray(dark).save(tmp_path / "pairs" / "input" / f"{number}.png")
        Image.fromarray(pixels).save(tmp_path / "pairs" / "truth" / f"{number}.png")
    return tmp_path / "pairs"


def test_an_open_model_is_judged_as_its_file_is(
    model: eiq.Model, float_file: Path, pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = eiq.evaluate(model, pairs, task="photo-enhancement", threads=1)
    assert found.evaluation.model == "residual"
    assert found.rows[-1].method == "model"
    of_file = eiq.evaluate(float_file, pairs, task="photo-enhancement", threads=1)
    assert found.rows == of_file.rows
    assert (
        main(["evaluate", str(float_file), "--set", str(pairs), "--task", "photo-enhancement"]) == 0
    )
    assert capsys.readouterr().out == f"{of_file}\n"
    assert "photo-enhancement" in found._repr_html_()


def test_its_psnr_is_that_of_the_pixels(
    model: eiq.Model, pairs: Path, photos: list[Pixels]
) -> None:
    found = eiq.evaluate(model, pairs, task="photo-enhancement", threads=1)
    errors = [
        float(np.mean((np.rint(0.9 * p).astype(np.uint8) - p.astype(float)) ** 2)) for p in photos
    ]
    by_hand = np.mean([10 * np.log10(255**2 / error) for error in errors])
    assert found.rows[0].mean.psnr == pytest.approx(by_hand, abs=1e-6)


def test_layers_of_an_open_model_and_a_recipe_in_memory(
    model: eiq.Model, calibration: list[Pixels], tmp_path: Path
) -> None:
    recipe = replace(eiq.quantize_recipe("int8-fast"), name="mine")
    found = eiq.sensitivity(
        model, scheme=recipe, fidelity=40.0, calibration=calibration, output=tmp_path
    )
    assert found.sensitivity.scheme == "mine"
    assert {layer.kind for layer in found.layers} >= {"Conv"}
    assert found.choice is not None
    assert found.choice.reached >= 40
    assert eiq.quantize_recipe(found.choice.recipe).observer == recipe.observer
    kept = json.loads((tmp_path / "residual" / "sensitivity.json").read_text())
    assert kept["psnr"] == pytest.approx(found.psnr)
    assert str(found).startswith("residual, mine: ")


def test_one_goal_at_a_time(model: eiq.Model) -> None:
    with pytest.raises(UsageError, match="not both"):
        eiq.sensitivity(model, budget=0.05, fidelity=50)
