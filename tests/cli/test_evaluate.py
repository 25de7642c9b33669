"""`evaluate` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.images.files import write_image
from tests.cli.conftest import Run
from tests.pipeline.evaluate.build import cell_detector, with_bright_cells
from tests.port_networks import with_noise_map


def test_table_and_json_have_the_same_figures(run: Run, tiny: Path, photos: Path) -> None:
    words = ("evaluate", tiny, "--set", photos / "evaluation", "--task", "deblur", "--threads", 1)
    table, form = run(*words), run(*words, "--json")
    assert (table.code, form.code) == (0, 0), table.err + form.err
    rows = json.loads(form.out)["rows"]
    assert [row["method"] for row in rows] == ["input", "model"]
    for row in rows:
        assert f"{row['mean']['psnr']:.2f}" in table.out
        assert f"{row['mean']['ssim']:.4f}" in table.out
    assert max(map(len, table.out.splitlines())) <= 80


def test_a_missing_folder_is_a_sentence(run: Run, tiny: Path) -> None:
    outcome = run("evaluate", tiny, "--set", "gone", "--task", "jpeg")
    assert outcome.code == 2
    assert "there is no file or folder gone" in outcome.err


@pytest.fixture
def noisy_network(tmp_path: Path) -> tuple[Path, Path]:
    """Return a network with a noise input, and a folder of one small photograph."""
    pixels = np.random.default_rng(2).integers(0, 256, (24, 32, 3), np.uint8)
    (tmp_path / "photos").mkdir()
    write_image(tmp_path / "photos" / "a.png", pixels)
    return with_noise_map(tmp_path / "noise.onnx"), tmp_path / "photos"


def test_a_noise_input_follows_the_noise_unless_it_is_set(
    run: Run, noisy_network: tuple[Path, Path]
) -> None:
    network, folder = noisy_network
    words = ("evaluate", network, "--set", folder, "--task", "denoise", "--json")

    def psnr(*more: object) -> list[float]:
        made = run(*words, *more)
        assert made.code == 0, made.err
        rows = json.loads(made.out)["rows"]
        return [row["mean"]["psnr"] for row in rows if row["method"] == "model"]

    both = psnr("--level", 15, "--level", 50)
    alone = [psnr("--level", n, "--set", f"sigma={n}/255")[0] for n in (15, 50)]
    assert both == alone
    assert psnr("--level", 50, "--set", "sigma=15/255") != both[1:]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "sigma=0.1"), "--set names no folders of photographs; name one"),
        (("--set", "DIR", "--set", "DIR"), "--set names 2 folders of photographs; name one"),
        (
            ("--set", "DIR", "--set", "sigma=0.1", "--set", "sigma=0.2"),
            "gives the input 'sigma' two values",
        ),
        (("--set", "DIR", "--task", "deblur"), "more than the photograph: sigma=NUMBER"),
        (("--set", "DIR", "--set", "sgma=0.1"), "no input 'sgma' to set; it takes 'sigma'"),
        (("--set", "DIR", "--level", "100"), "'sigma' is taken to go from 0 to 0.2941"),
    ],
)
def test_settings_that_say_nothing_are_refused(
    run: Run, noisy_network: tuple[Path, Path], words: tuple[str, ...], said: str
) -> None:
    network, folder = noisy_network
    given = [str(folder) if word == "DIR" else word for word in words]
    refused = run("evaluate", network, "--task", "denoise", *given)
    assert refused.code == 2
    assert said in " ".join(refused.err.split())


def test_a_detector_is_compared_with_and_without_the_model(
    run: Run, tiny: Path, tmp_path: Path
) -> None:
    """The input has two of three bright cells and one more; `tiny` nearly copies."""
    detector = cell_detector(tmp_path / "cells.onnx")
    cells = {"truth": {0: 255, 5: 240, 10: 230}, "input": {0: 250, 5: 60, 10: 220, 12: 200}}
    for name, bright in cells.items():
        (tmp_path / "pairs" / name).mkdir(parents=True)
        write_image(tmp_path / "pairs" / name / "a.png", with_bright_cells(bright))
    words = ("evaluate", tiny, "--set", tmp_path / "pairs", "--task", "deblur")
    form = run(*words, "--detector", detector, "--json")
    assert form.code == 0, form.err
    detection = json.loads(form.out)["detection"]
    assert detection["references"] == 3
    first = detection["rows"][0]
    assert (first["method"], first["precision"]) == ("input", pytest.approx(2 / 3))
    table = run(*words, "--detector", detector).out
    assert "cells.onnx: 3 objects in the originals" in table
    assert max(map(len, table.splitlines())) <= 80
    assert json.loads(run(*words, "--json").out)["detection"] is None
    assert "detection skipped" not in run(*words).out
