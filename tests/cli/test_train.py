"""`train` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(11)
    for index in range(3):
        small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        small.resize((96, 96), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    return folder


def words(data: Path, steps: int = 6) -> tuple[object, ...]:
    return (
        *("train", "fsrcnn-x2", "--data", data, "--validation", data, "--steps", steps),
        *("--output", data.parent / "run", "--batch", 1, "--patch", 16, "--threads", 1),
    )


def test_a_run_ends_with_a_checkpoint_that_export_takes(run: Run, data: Path, photos: Path) -> None:
    outcome = run(*words(data), "--json")
    assert outcome.code == 0, outcome.err
    form = json.loads(outcome.out)
    assert form["step"] == 6
    assert form["validation_psnr"] > 5
    exported = run(
        *("export", form["checkpoint"], "--target", "onnx-float", "--output", data.parent / "out"),
        *("--images", photos / "evaluation", "--calibration", photos / "calibration"),
    )
    assert exported.code == 0, exported.err
    assert (data.parent / "out" / "fsrcnn-x2" / "onnx-float.onnx").exists()


def test_an_existing_checkpoint_is_continued_only_when_asked_for(run: Run, data: Path) -> None:
    assert run(*words(data)).code == 0
    again = run(*words(data))
    assert again.code == 2
    assert "exists already. Continue it with --resume" in again.err
    finished = run(*words(data), "--resume")
    assert finished.code == 0
    assert finished.out.endswith("dB, the last of its schedule, as before\n")
    assert "as before" not in again.out


def test_a_share_of_relu_is_told_in_the_result_and_in_the_log(run: Run, data: Path) -> None:
    outcome = run(*words(data), "--relu-share", 0.5)
    assert ", 18 of 172 PReLU channels are ReLU" in outcome.out
    last = (data.parent / "run" / "log.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["relu_channels"] == [18, 172]


def test_resuming_needs_no_repeated_options(run: Run, data: Path) -> None:
    assert run(*words(data)).code == 0
    outcome = run(
        *("train", "fsrcnn-x2", "--data", data, "--output", data.parent / "run", "--resume")
    )
    assert outcome.code == 0, outcome.err
    assert "step 6" in outcome.out
    checkpoint = data.parent / "run" / "checkpoint.safetensors"
    assert f"Next: edge-imgq export {checkpoint} --target tflite" in outcome.err


def test_resuming_nothing_is_a_sentence(run: Run, data: Path) -> None:
    outcome = run(*words(data), "--resume")
    assert outcome.code == 5
    assert "There is no checkpoint" in outcome.err
    assert not (data.parent / "run").exists()


def test_a_file_that_is_no_image_is_left_out_and_counted(run: Run, data: Path) -> None:
    (data / "broken.png").write_text("no image")
    outcome = run(*words(data))
    assert outcome.code == 0, outcome.err
    assert f"left out {data / 'broken.png'}: " in outcome.err
    assert "left out in all: 1" in outcome.err


@pytest.mark.parametrize(
    ("extra", "code", "sentence"),
    [
        (("--learning-rate", "-1"), 2, "learning rate must be above 0"),
        (("--data", "gone"), 2, "there is no file or folder gone"),
    ],
)
def test_what_cannot_work_is_a_sentence(
    run: Run, data: Path, extra: tuple[str, ...], code: int, sentence: str
) -> None:
    outcome = run(*words(data), *extra)
    assert outcome.code == code
    assert sentence in outcome.err
    assert not (data.parent / "run").exists()


def test_float32_throughout_is_kept_in_the_checkpoint(run: Run, data: Path) -> None:
    from edge_imgq.train.checkpoint import read_checkpoint

    assert run(*words(data, 1), "--precision", "float32").code == 0
    schedule = read_checkpoint(data.parent / "run" / "checkpoint.safetensors")[0].schedule
    assert schedule.bfloat16_until == 0
    assert run(*words(data, 1), "--precision", "half").code == 2
