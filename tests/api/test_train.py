"""`train`: the checkpoint of the command, a schedule as an object, and what a notebook shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import edge_imgq as eiq
from edge_imgq.cli.main import main
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.train.checkpoint import read_checkpoint

SHORT = replace(eiq.training_schedule("fsrcnn-x2"), steps=6, batch=1, patch=16)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for seed in range(2):
        small = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
        large = Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC)
        large.save(folder / f"{seed}.png")
    (folder / "broken.png").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> eiq.TrainingResult:
    output = tmp_path_factory.mktemp("run") / "first"
    return eiq.train(
        "fsrcnn-x2", data, output, validation=data, schedule=SHORT, validate_every=3, threads=1
    )


def test_the_result_is_what_the_command_writes(
    trained: eiq.TrainingResult, data: Path, tmp_path: Path
) -> None:
    words = ["train", "fsrcnn-x2", "--data", data, "--output", tmp_path / "run", "--steps", 6]
    words += ["--batch", 1, "--patch", 16, "--threads", 1, "--validation", data]
    assert main([*map(str, words), "--validate-every", "3"]) == 0
    beside = tmp_path / "run" / trained.checkpoint.name
    own, commands = read_checkpoint(trained.checkpoint), read_checkpoint(beside)
    assert own[0].schedule == commands[0].schedule
    assert all((own[1][name] == tensor).all() for name, tensor in commands[1].items())


def test_it_says_what_it_came_to(trained: eiq.TrainingResult, data: Path) -> None:
    assert (trained.model, trained.step) == ("fsrcnn-x2", 6)
    assert [step for step, _ in trained.validations] == [3, 6]
    assert trained.psnr == trained.validations[-1][1]
    assert str(trained) == f"{trained.checkpoint}: step 6, {trained.psnr:.3f} dB"
    html = trained._repr_html_()
    assert html.count("<tr>") == 3
    assert f"left out {data / 'broken.png'}" in html
    assert eiq.open(trained).contract.scale == 2


def test_a_run_goes_on_with_more_steps_of_a_constant_rate(data: Path, tmp_path: Path) -> None:
    constant = replace(SHORT, decay="constant", steps=2)
    first = eiq.train("fsrcnn-x2", [data], tmp_path, schedule=constant, threads=1)
    with pytest.raises(UsageError, match="exists already"):
        eiq.train("fsrcnn-x2", data, tmp_path, schedule=constant)
    kept = eiq.training_schedule(first.checkpoint)
    assert kept == constant
    seen: list[eiq.TrainingProgress] = []
    longer = eiq.train(
        *("fsrcnn-x2", data, tmp_path),
        resume=True,
        schedule=replace(kept, steps=4, squared_from=1.0),
        threads=1,
        progress=seen.append,
    )
    assert (longer.step, longer.psnr, longer.validations) == (4, None, ())
    assert seen[-1].step == 4


def test_what_cannot_be_trained_is_a_sentence(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'fsrcnn-x9'"):
        eiq.train("fsrcnn-x9", data, tmp_path / "run")
    with pytest.raises(ModelError, match="There is no checkpoint"):
        eiq.train("fsrcnn-x2", data, tmp_path / "run", resume=True)
    with pytest.raises(ModelError, match="There is no checkpoint"):
        eiq.training_schedule(tmp_path / "none.safetensors")
    assert not (tmp_path / "run").exists()
